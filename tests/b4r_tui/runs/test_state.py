"""The state of a run follows from its files and its lock."""

from __future__ import annotations

import os
import time

import pytest

from b4r_tui.runs.locks import hold, is_held, try_hold
from b4r_tui.runs.records import ExitRecord, StatusRecord, write_exit, write_status
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run, RunStore
from engine.contract.config.experiment import Experiment


@pytest.fixture
def run(store: RunStore) -> Run:
    return store.create(Experiment.model_validate({"name": "a", "data": {"dataset_name": "synthetic"}}))


def note(run: Run, queued_at: float, started_at: float | None = None) -> None:
    write_status(
        run.dir,
        StatusRecord(
            run_id=run.run_id, experiment=run.experiment, queued_at=queued_at, started_at=started_at
        ),
    )


def test_the_lock_tells_waiting_and_running_from_lost(run: Run) -> None:
    lock = hold(run.dir / "lock")
    note(run, time.time() - 100)
    assert run.state is RunState.QUEUED
    note(run, time.time() - 100, started_at=time.time())
    assert run.state is RunState.RUNNING
    os.close(lock)
    assert run.state is RunState.LOST


def test_a_run_nobody_took_up_stays_queued_without_any_process(run: Run) -> None:
    assert run.state is RunState.QUEUED
    note(run, time.time() - 1e6)
    assert run.state is RunState.QUEUED


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("finished", "finished"),
        ("failed", "failed"),
        ("stopped", "stopped"),
        ("time_limit", "stopped"),
        ("?", "failed"),
    ],
)
def test_the_exit_record_has_the_last_word(run: Run, reason: str, state: str) -> None:
    lock = hold(run.dir / "lock")
    write_exit(run.dir, ExitRecord(reason=reason, ended_at=1.0))
    assert run.state.value == state
    assert run.state.ended
    os.close(lock)


def test_unreadable_records_are_as_good_as_none(run: Run) -> None:
    for torn in ("", "{", "[]", '{"v": 1}', "null"):
        (run.dir / "exit.json").write_text(torn)
        (run.dir / "status.json").write_text(torn)
        assert run.state is RunState.LOST


def test_readers_never_keep_each_other_or_a_holder_out(run: Run) -> None:
    path = run.dir / "lock"
    assert not is_held(path)
    held = try_hold(path)
    assert held is not None
    assert is_held(path)
    assert is_held(path)
    assert try_hold(path) is None
    os.close(held)
    assert not is_held(path)
