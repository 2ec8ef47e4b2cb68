"""The index of states equals the folders, whatever happens to either."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from b4r_tui.runs.index import states_of
from b4r_tui.runs.records import ExitRecord, write_exit, write_status
from b4r_tui.runs.state import read_state
from b4r_tui.runs.store import Run, RunStore, queued_now
from engine.contract.config.experiment import Experiment

EXPERIMENT = Experiment.model_validate({"name": "a", "data": {"dataset_name": "synthetic"}})
DOINGS = ("finished", "failed", "stopped", "queued", "torn", "gone", "no index", "torn index", "other index")


def do(store: RunStore, run: Run, doing: str) -> None:
    index = store.root / ".queue" / "index.json"
    if doing in ("finished", "failed", "stopped"):
        write_exit(run.dir, ExitRecord(reason=doing, ended_at=1.0))
    elif doing == "queued":
        write_status(run.dir, queued_now(run))
        (run.dir / "exit.json").unlink(missing_ok=True)
    elif doing == "torn":
        (run.dir / "exit.json").write_text('{"v": 1')
    elif doing == "gone" and run.dir.exists():
        (run.dir / "status.json").unlink(missing_ok=True)
    elif doing == "no index":
        index.unlink(missing_ok=True)
    elif index.exists():
        other = '{"v": 1, "ended": {"a/x": [1], "a": "b"}}' if doing == "other index" else '{"v": 1, "en'
        index.write_text(other)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(DOINGS)), max_size=14))
def test_the_index_says_what_the_folders_say(doings: list[tuple[int, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = RunStore(Path(folder) / "runs")
        runs = [store.create(EXPERIMENT) for _ in range(4)]
        for number, doing in doings:
            do(store, runs[number], doing)
            there = store.runs()
            assert states_of(store.root, there) == {run.dir: read_state(run.dir) for run in there}
            assert states_of(store.root, there[:2]) == {run.dir: read_state(run.dir) for run in there[:2]}


def test_a_run_that_has_ended_is_told_without_a_look_into_its_folder(store: RunStore, monkeypatch) -> None:
    run = store.create(EXPERIMENT)
    write_exit(run.dir, ExitRecord(reason="finished", ended_at=1.0))
    first = states_of(store.root, [run])
    monkeypatch.setattr("b4r_tui.runs.index.read_state", None)
    assert states_of(store.root, [run]) == first


def test_no_runs_leave_no_trace(store: RunStore) -> None:
    assert states_of(store.root, store.runs()) == {}
    assert not store.root.exists()
