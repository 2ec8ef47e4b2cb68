"""Another try for failed runs, and folders that go whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import psutil
import pytest

from b4r_tui.runs.delete import delete
from b4r_tui.runs.launch import launch, stop
from b4r_tui.runs.queue.reorder import set_paused
from b4r_tui.runs.queue_place import Place, read_place
from b4r_tui.runs.records import ExitRecord, write_exit
from b4r_tui.runs.retry import failed_runs, retry
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import RunStore
from engine.contract.config.experiment import Experiment
from engine.contract.errors import B4RError
from engine.contract.events import EventWriter, RunFinished
from tests.b4r_tui.conftest import GOOD, SLEEPS, runners, wait_until

Scripted = Callable[..., Experiment]
pytestmark = pytest.mark.usefixtures("fake_torchrun")
BREAKS_ONCE = 'if not (run / "attempts").exists(): sys.exit(1)\n' + GOOD


def test_failed_runs_and_those_after_them_get_another_try_in_their_folders(store: RunStore, scripted) -> None:
    (first,) = launch(store, [scripted(BREAKS_ONCE, "first")])
    (second,) = launch(store, [scripted(GOOD, "second")], after=[first])
    wait_until(lambda: second.state is RunState.FAILED)
    assert failed_runs(store) == [first, second]
    assert failed_runs(store, ["second"]) == [second]
    assert retry(store, failed_runs(store)) == [first, second]
    wait_until(lambda: second.state is RunState.FINISHED)
    assert first.state is RunState.FINISHED and store.runs() == [first, second]
    assert failed_runs(store) == []


def test_a_run_whose_training_had_ended_or_that_shall_begin_anew_gets_a_new_run(
    store: RunStore, scripted
) -> None:
    set_paused(store, [], True)
    first, second = launch(store, [scripted(GOOD, "first"), scripted(GOOD, "second")])
    for run in (first, second):
        write_exit(run.dir, ExitRecord(reason="failed", ended_at=1.0))
    EventWriter(first.events_path).write(RunFinished(seconds=1.0, best_epoch=0))
    (made,) = retry(store, [first])
    assert made.dir != first.dir and made.config() == first.config() and made.state is RunState.QUEUED
    assert read_place(made.dir) == Place(retry_of=first.name)
    assert failed_runs(store) == [second], "the first has its new run"
    (fresh,) = retry(store, [second], fresh=True)
    assert fresh.experiment == "second" and second.state is RunState.FAILED
    with pytest.raises(B4RError, match="is queued; only failed, stopped or lost"):
        retry(store, [fresh])


def test_what_ended_or_waits_is_deleted_and_what_runs_or_is_awaited_is_not(store: RunStore, scripted) -> None:
    (running,) = launch(store, [scripted(SLEEPS, "running")])
    wait_until(lambda: running.state is RunState.RUNNING)
    (waits,) = launch(store, [scripted(GOOD, "waits")])
    (behind,) = launch(store, [scripted(GOOD, "behind")], after=[waits])
    with pytest.raises(B4RError, match="is running; stop it first"):
        delete(running)
    with pytest.raises(B4RError, match="waits for"):
        delete(waits)
    for run in (behind, waits):
        delete(run)
    stop(running, wait=20)
    delete(running)
    assert store.runs() == []
    assert not list((store.root / ".queue").glob("trash-*"))


def test_a_deletion_that_was_cut_off_is_finished_by_the_next_runner(store: RunStore, scripted) -> None:
    (run,) = launch(store, [scripted(GOOD)])
    wait_until(lambda: run.state is RunState.FINISHED)
    left = store.root / ".queue" / "trash-20260101-000000-0000"
    (left / "logs").mkdir(parents=True)
    for runner in runners(store):
        with suppress(psutil.NoSuchProcess):
            runner.terminate()
            runner.wait(10)
    launch(store, [scripted(GOOD)])
    wait_until(lambda: not left.exists())
