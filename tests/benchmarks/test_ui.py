"""Keys are really pressed in a terminal while runs report, and the figures of them are what they say."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from b4r_tui.app.widgets.run.detail import TABS
from b4r_tui.runs.store import RunStore
from benchmarks.ui import NAMES, as_table, many, share, stream, summaries

ROUND = {
    **{"down, up": 13, "mark": 4, "open filter": 1, "type in filter": 4, "close filter": 1},
    **{f"tab {name}": 1 for name in TABS},
}


def test_a_share_is_the_smallest_value_that_so_many_do_not_exceed() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert (share(values, 0.5), share(values, 0.99), share(values, 1.0)) == (50.0, 99.0, 100.0)
    assert share([7.0], 0.5) == share([7.0], 0.99) == 7.0


def test_figures_stand_by_kind_of_key_and_for_all() -> None:
    found = summaries([("mark", 1.0, 5.0, 2.0), ("tab log", 3.0, 9.0, 4.0)])
    assert list(found) == ["mark", "tab log", "all"]
    assert found["all"] == {
        "keys": 2, "p50": 1.0, "p99": 3.0, "max": 3.0, "settled_p50": 5.0, "settled_p99": 9.0, "cpu_p50": 2.0,
    }  # fmt: skip


@pytest.mark.timeout(300)
def test_keys_while_runs_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = Namespace(runs=6, hertz=5, rounds=1)
    found = stream(tmp_path, asked)
    for part in ("keys", "first"):
        assert {kind: row["keys"] for kind, row in found[part].items() if kind != "all"} == ROUND
        assert all(0 < row["p50"] <= row["p99"] <= row["max"] for row in found[part].values())
    assert found["bare"]["down, up"]["keys"] == 10
    for run in RunStore(tmp_path / "runs").runs():
        assert '"epoch"' in run.events_path.read_text()
    assert "6 runs report 5 times a second" in as_table({"stream": found, "runs": 6, "hertz": 5})


@pytest.mark.timeout(300)
def test_keys_among_many_runs(tmp_path: Path) -> None:
    found = many(tmp_path, Namespace(folders=100, rounds=1))
    assert {run.experiment for run in RunStore(tmp_path / "runs").runs()} == set(NAMES)
    assert found["keys"]["sort"]["keys"] == 1 and found["keys"]["page"]["keys"] == 2
    assert 0 < found["seconds"]["seconds to the newest runs"] <= found["seconds"]["seconds to all runs"]
