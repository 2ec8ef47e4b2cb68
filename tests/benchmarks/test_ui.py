"""Keys are pressed in a real terminal while runs report, and their figures are correct."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from b4r_tui.app.widgets.run.detail import TABS
from b4r_tui.runs.store import RunStore
from benchmarks.ui import NAMES, as_table, many, quantile, stream, summaries

ROUND = {
    **{"down, up": 13, "mark": 4, "open filter": 1, "type in filter": 4, "close filter": 1},
    **{f"tab {name}": 1 for name in TABS},
}


def test_a_quantile_is_the_smallest_value_that_the_fraction_does_not_exceed() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile(values, 1.0)) == (50.0, 99.0, 100.0)
    assert quantile([7.0], 0.5) == quantile([7.0], 0.99) == 7.0


def test_presses_are_summarised_by_action_and_for_all() -> None:
    results = summaries([("mark", 1.0, 5.0, 2.0), ("tab log", 3.0, 9.0, 4.0)])
    assert list(results) == ["mark", "tab log", "all"]
    assert results["all"] == {
        "keys": 2, "p50": 1.0, "p99": 3.0, "max": 3.0, "settled_p50": 5.0, "settled_p99": 9.0, "cpu_p50": 2.0,
    }  # fmt: skip


@pytest.mark.timeout(300)
def test_keys_while_runs_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = Namespace(runs=6, hertz=5, rounds=1)
    results = stream(tmp_path, arguments)
    for part in ("keys", "first"):
        assert {action: row["keys"] for action, row in results[part].items() if action != "all"} == ROUND
        assert all(0 < row["p50"] <= row["p99"] <= row["max"] for row in results[part].values())
    assert results["bare"]["down, up"]["keys"] == 10
    for run in RunStore(tmp_path / "runs").runs():
        assert '"epoch"' in run.events_path.read_text()
    assert "6 runs report 5 times per second" in as_table({"stream": results, "runs": 6, "hertz": 5})


@pytest.mark.timeout(300)
def test_keys_among_many_runs(tmp_path: Path) -> None:
    results = many(tmp_path, Namespace(folders=100, rounds=1))
    assert {run.experiment for run in RunStore(tmp_path / "runs").runs()} == set(NAMES)
    assert results["keys"]["sort"]["keys"] == 1 and results["keys"]["page"]["keys"] == 2
    assert 0 < results["seconds"]["seconds to the newest runs"] <= results["seconds"]["seconds to all runs"]
