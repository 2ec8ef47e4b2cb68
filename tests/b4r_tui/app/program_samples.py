"""Results of actions after training, as the engine's programs leave them in a run's folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from b4r_tui.reports.fairness import METRICS

TITLES = ("Star Wars (1977)", "Contact (1997)", "Fargo [director's cut] (1996)", "Léon (1994)")


def write(run_dir: Path, name: str, content: dict[str, Any]) -> None:
    path = run_dir / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def fairness(run_dir: Path) -> None:
    def point(temperature: float | None, ndcg: float, value: float) -> dict[str, Any]:
        metrics = {name: {"F": value / (number + 1)} for number, name in enumerate(METRICS)}
        return {"temperature": temperature, "ndcg@10": ndcg, "metrics": metrics}

    points = [point(None, 0.1521, 1.9e-3), point(8.0, 0.0301, 4.5e-4), point(1.0, 0.0712, 7.1e-4)]
    groups = {"kind": "gender", "sizes": {"F": 1709, "M": 4331}, "outside": 0, "unknown_ids": 0}
    content = {
        "ranker": "model",
        "exposure": "γ^(rank-1)",
        "samples": 100,
        "points": points,
        "user_groups": groups,
        "item_groups": groups | {"kind": "genre", "outside": 12},
    }
    write(run_dir, "fairness/model_gender_genre_paper.json", content)


def recommendations(run_dir: Path, user: str = "17") -> None:
    items = [
        {"rank": rank, "item": str(40 * rank), "title": title, "score": 5.5 - rank}
        for rank, title in enumerate(TITLES, start=1)
    ]
    content = {
        "run": "ml-1m-base",
        "checkpoint": "checkpoints/epoch_19_model.pth",
        "k": 4,
        "warnings": [],
        "recommendations": [{"user": user, "history": 53, "items": items}],
    }
    write(run_dir, "recommendations/latest.json", content)


def export(run_dir: Path) -> None:
    checked = {
        "against": "onnxruntime",
        "shapes": [[1, 1], [5, 100], [2, 199]],
        "difference": 2.4e-6,
        "allowed": 1e-4,
    }
    content = {
        "file": "exports/epoch_19_model.onnx",
        "bytes": 3_620_144,
        "experiment": "ml-1m-base",
        "checkpoint": "checkpoints/epoch_19_model.pth",
        "items": 3416,
        "longest_history": 199,
        "checked": checked,
    }
    write(run_dir, "exports/epoch_19_model.onnx.json", content)
