"""Ratios, tables, charts and the page are generated from results, including failures of peers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.charts import CHARTS, draw, with_table
from benchmarks.checkpoints import row as checkpoints_row
from benchmarks.quality_table import compare
from benchmarks.race import Figures
from benchmarks.tables import TABLES
from benchmarks.train import OURS, as_table, ratios, row_of, useful_share
from benchmarks.ui import summaries
from tests.benchmarks.test_quality_table import five_seeds

MINE = list(OURS)[-1]
ROWS = {
    MINE: row_of([Figures(10.0, 3.0, 500.0), Figures(12.0, 2.0, 510.0), Figures(11.0, 4.0, 490.0)], 8),
    "lean": row_of([Figures(2.0, 1.0, 900.0)], 8),
    "fast": row_of([Figures(4.0, 9.0, 2000.0)], 8),
    "broken": row_of(["ImportError: no | module"], 8),
}
ABOUT = {"date": "2026-01-02", "processor": "a CPU", "cpus": 2, "threads": 2, "load": 0.1, "system": "Linux"}
TRAIN: dict[str, Any] = {
    **ABOUT,
    "seconds": 20.0,
    "rounds": 3,
    "gemm_flops": 1e11,
    "gemm_flops_bf16": 2e11,
    "results": {
        "A": {
            "title": "a title",
            "goal": 5.0,
            "libraries": ROWS,
            "ours": {MINE: {**useful_share(ROWS[MINE], 1e9, 1e11), **ratios(ROWS, MINE)}},
        }
    },
}
SHARDING = {
    **ABOUT,
    "rows": [
        {"items": n, "mode": m, "step_ms": 1.5, "memory_mb_per_rank": [98, 99]}
        for n in (10, 20)
        for m in ("ddp", "dmp")
    ],
}
MEASURED: dict[str, Any] = {
    **{"items": 500, "epoch_steps": 100, "steps": 10, "file_bytes": 2_000_000, "last_bytes": 6_000_000},
    "seconds": {
        "bare": [5.0, 4.0, 9.0],
        "before": [5.5, 4.6, 9.1],
        "behind": [4.0, 5.0, 9.5],
        "file": [0.1, 0.2, 0.3],
        "last": [0.3, 0.4, 0.2],
        "copy": [0.1, 0.1, 0.2],
    },
}
CHECKPOINTS = {**ABOUT, "rows": [checkpoints_row("small", MEASURED), checkpoints_row("dmp", MEASURED)]}
QUALITY: dict[str, Any] = {
    **ABOUT,
    "recipe": {"max_len": 50, "lr": 0.002},
    **compare({"ours": five_seeds("ours", 0.0), "recbole": five_seeds("recbole", 0.0)}),
}
KEYS = summaries([("down, up", 1.0, 5.0, 2.0), ("mark", 3.0, 9.0, 4.0)])
BARE = {"keys": KEYS, "bare": KEYS, "moves_ratio": 1.0}
LOG_RESULT = {"cpu": {"search": 1.0}, "clock": {"search": 1.0}, "memory_mb": 50}
UI: dict[str, Any] = {
    **ABOUT,
    **{"runs": 8, "hertz": 5, "folders": 100, "ahead": True},
    "first_paint": {"seconds": {"b4r-tui --help": 0.1}, "first_paint_ratio": 1.2},
    "stream": {**BARE, "first": KEYS, "goal_ms": 50.0, "goal_met": True},
    "many": {**BARE, "seconds": {"seconds to all runs": 2.0}, "bare_seconds": 1.0},
    "log": {"b4r-tui": LOG_RESULT, "toolong": LOG_RESULT, "ratio_of_cpu": {"search": 1.0}, "lines": 10},
}
RESULTS = {"train": TRAIN, "sharding": SHARDING, "checkpoints": CHECKPOINTS, "quality": QUALITY, "ui": UI}


def test_a_row_has_the_median_speed_the_shortest_start_and_the_largest_memory() -> None:
    row = ROWS[MINE]
    assert (row["sequences_per_second"], row["best"]) == (88.0, 96.0)
    assert (row["first_step_seconds"], row["peak_mb"]) == (2.0, 510.0)


def test_each_ratio_is_to_the_best_peer() -> None:
    assert ratios(ROWS, MINE) == {"speed_ratio": 2.75, "memory_ratio": 0.567, "first_step_ratio": 2.0}


def test_seconds_lost_are_relative_to_the_steps_of_the_same_round() -> None:
    row = checkpoints_row("small", MEASURED)
    assert (row["epoch_seconds"], row["lost_seconds"], row["behind_lost_seconds"]) == (50.0, 0.5, 0.5)
    assert (row["file_mb"], row["last_mb"], row["savings_seconds"]) == (2.0, 6.0, 0.5)
    assert (row["share"], row["most_gain"]) == (
        0.0099,
        0.0079,
    )  # 0.5 s, and 0.4 s without the copy, of 50.5 s


def test_there_is_no_ratio_without_a_successful_peer() -> None:
    alone = {MINE: ROWS[MINE], "broken": ROWS["broken"]}
    assert set(ratios(alone, MINE).values()) == {None}


def test_the_table_gives_the_reason_of_a_failed_peer() -> None:
    assert "failed: ImportError" in as_table(TRAIN)
    assert "no figures: ImportError: no \\| module" in TABLES["train"](TRAIN)


@pytest.mark.parametrize("name", sorted(CHARTS))
def test_every_benchmark_has_a_table_and_a_chart(name: str, tmp_path: Path) -> None:
    table = TABLES[name](RESULTS[name])
    widths = {
        line.count(" | ") for line in table.splitlines() if line.startswith("| ") and "Wilcoxon" in line
    }
    assert table.count("|---") >= 4 and len(widths) <= 1
    for suffix in (".svg", ".png"):
        draw(name, RESULTS[name], tmp_path / f"chart{suffix}")
    assert "b4r-tui" in TABLES["train"](TRAIN)
    assert (tmp_path / "chart.svg").read_text().count("<path") > 5
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_a_table_replaces_only_the_text_between_its_marks() -> None:
    page = "before\n<!-- train -->\nold\n<!-- /train -->\nafter <!-- quality -->\n"
    assert (
        with_table(page, "train", "new \\1")
        == "before\n<!-- train -->\nnew \\1\n<!-- /train -->\nafter <!-- quality -->\n"
    )
    with pytest.raises(ValueError, match="sharding"):
        with_table(page, "sharding", "x")


def test_the_page_has_marks_for_every_table() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md").read_text()
    for name in TABLES:
        assert "new table" in with_table(page, name, "new table")
