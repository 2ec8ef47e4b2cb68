"""Make the table and the plot of fairness.md from the results in a run's folder `fairness/`.

python -m docs.make_fairness RUN_DIR, after `b4r-tui fairness` with each ranker, as in fairness.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from b4r_tui.reports.fairness import METRICS, temperature
from b4r_tui.reports.fairness_plot import write_plot
from engine.contract.atomic_files import read_json
from engine.contract.errors import B4RError

RANKERS = ("popularity", "markov", "model")
SHOWN = ("static", "1", "8")


def results_of(run_dir: Path) -> list[dict[str, Any]]:
    """Return the results by gender and genre in the paper's convention. Raises B4RError if one is missing."""
    paths = [run_dir / "fairness" / f"{ranker}_gender_genre_paper.json" for ranker in RANKERS]
    results = [read_json(path) for path in paths]
    missing = [str(path) for path, result in zip(paths, results, strict=True) if result is None]
    if missing:
        raise B4RError(f"{missing[0]} not found; run b4r-tui fairness with each ranker first")
    return [result for result in results if result]


def rows(results: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the table's lines in Markdown: F of the six metrics and the parts of II and GG, at three temperatures."""
    shown = [*(f"{name}-F" for name in METRICS), "II: D / R / T²", "GG: D / R / T²"]
    yield f"| ranker | temperature | NDCG@10 | {' | '.join(shown)} |"
    yield "|---|---|---|" + "---|" * len(shown)
    for result in results:
        for point in result["points"]:
            if temperature(point) in SHOWN:
                yield _row(result["ranker"], point)


def _row(ranker: str, point: dict[str, Any]) -> str:
    metrics = point["metrics"]
    values = [f"{metrics[name]['F']:.3e}" for name in METRICS]
    parts = [" / ".join(f"{metrics[name][part]:.2e}" for part in ("D", "R", "T2")) for name in ("II", "GG")]
    return f"| {' | '.join([ranker, temperature(point), format(point['ndcg@10'], '.4f'), *values, *parts])} |"


if __name__ == "__main__":
    results = results_of(Path(sys.argv[1]))
    write_plot(results, Path(__file__).parent / "fairness.svg")
    sys.stdout.writelines(f"{row}\n" for row in rows(results))
