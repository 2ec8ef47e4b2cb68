"""Runs taken up again under real supervisors: their state, their files, and what cannot be taken up."""

from __future__ import annotations

import json

import pytest

from b4r_tui.app.poller import Poller
from b4r_tui.runs.launch import launch, stop
from b4r_tui.runs.progress import RunWatch
from b4r_tui.runs.queue.reorder import set_paused
from b4r_tui.runs.resume import resume, spread
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import RunStore
from b4r_tui.runs.summary import read_summary
from engine.contract.config.experiment import Experiment
from engine.contract.errors import B4RError
from engine.contract.events import Epoch, EventWriter, RunFailed, RunResumed, RunStarted, read_events
from tests.b4r_tui.conftest import CRASHES, GOOD, SLEEPS, wait_for_end, wait_until

pytestmark = pytest.mark.usefixtures("fake_torchrun")

BREAKS_ONCE = (
    'if not (run / "attempts").exists(): events.write(RunFailed(error="broke once", rank=0)); sys.exit(1)\n'
)
BREAKS_TWICE = (
    'print("attempt", len(list(run.glob("attempts/*"))), file=sys.stderr); sys.exit(1 if rank == 0 else 0)'
)


def test_a_failed_run_resumes_in_its_folder_and_finishes(store: RunStore, scripted) -> None:
    (run,) = launch(store, [scripted(BREAKS_ONCE + GOOD)])
    wait_for_end(run)
    assert run.state is RunState.FAILED and read_summary(run)["error"] == "broke once"
    watch = RunWatch(run)
    watch.poll()
    resume(run)
    wait_for_end(run)
    assert run.state is RunState.FINISHED
    assert [each.run_id for each in store.runs()] == [run.run_id]
    first = run.dir / "attempts" / "1"
    assert json.loads((first / "exit.json").read_text())["error"] == "broke once"
    assert {path.name for path in first.iterdir()} == {"config.toml", "status.json", "exit.json", "logs"}
    assert (run.dir / "logs" / "launcher.log").exists()
    assert watch.poll() and not watch.poll(), (
        "a watch that saw the first end must see the second, and then rest"
    )
    assert (watch.state, watch.progress.error, watch.progress.phase) == (RunState.FINISHED, None, "finished")
    assert (read_summary(run)["state"], read_summary(run)["error"]) == ("finished", None)


def test_a_run_taken_up_is_queued_and_running_and_not_failed(store: RunStore, scripted) -> None:
    (run,) = launch(store, [scripted(BREAKS_ONCE + SLEEPS)])
    wait_for_end(run)
    poller = Poller(store.root / "none.toml", store.root)
    assert poller.poll().runs[0].state is RunState.FAILED
    set_paused(store, [], True)
    resume(run)
    view = poller.poll().runs[0]
    assert (view.state, view.progress.error, view.progress.phase, view.exit) == (
        RunState.QUEUED,
        None,
        "",
        None,
    )
    set_paused(store, [], False)
    wait_until(lambda: run.state is RunState.RUNNING)
    wait_until(lambda: (found := poller.poll()) and found.runs[0].progress.started)
    stop(run, wait=20)
    assert run.state is RunState.STOPPED
    wait_for_end(run)
    assert read_summary(run)["error"] is None


def test_the_failure_of_an_earlier_attempt_does_not_hide_a_new_one(store: RunStore, scripted) -> None:
    (run,) = launch(store, [scripted(BREAKS_TWICE)])
    wait_for_end(run)
    resume(run)
    wait_for_end(run)
    failures = [e.event.error for e in read_events(run.events_path) if isinstance(e.event, RunFailed)]
    assert len(failures) == 2 and "attempt 0" in failures[0] and "attempt 1" in failures[1]
    assert run.exit().error == failures[1] == read_summary(run)["error"]


def test_what_has_finished_runs_or_is_taken_up_cannot_be_taken_up(store: RunStore, scripted) -> None:
    good, sleeps = launch(store, [scripted(GOOD, "good"), scripted(SLEEPS, "sleeps")])
    wait_for_end(good)
    with pytest.raises(B4RError, match="has finished"):
        resume(good)
    wait_until(lambda: sleeps.state is RunState.RUNNING)
    with pytest.raises(B4RError, match="is running; stop it first"):
        resume(sleeps)
    assert not (good.dir / "attempts").exists() and not (sleeps.dir / "attempts").exists()
    stop(sleeps, wait=20)


def test_other_ranks_keep_the_sequences_of_a_step_and_the_old_settings(store: RunStore, scripted) -> None:
    together = (
        "while len(list(run.glob('logs/rank_*.log'))) < int(os.environ['WORLD_SIZE']): time.sleep(0.02)\n"
    )
    (run,) = launch(store, [scripted(together + CRASHES)])
    wait_for_end(run)
    before = run.config()
    with pytest.raises(B4RError, match="3 ranks do not divide a step of 128"):
        resume(run, j="1x3")
    assert run.state is RunState.FAILED and run.config() == before
    resume(run, j="1x2", mode="dmp")
    wait_for_end(run)
    after = run.config()
    assert (after.launch.j, after.launch.mode, after.training.train_batch_size) == ("1x2", "dmp", 64)
    assert len(run.log_paths()) == 3, "the launcher and two ranks"
    assert 'j = "1x1"' in (run.dir / "attempts" / "1" / "config.toml").read_text()


@pytest.mark.parametrize(
    ("j", "mode", "words"),
    [
        ("2x1", None, "launch.hosts: 2x1 needs 2 hosts"),
        (None, "dmp", "model.tie_output"),
        ("x", None, "launch.j"),
    ],
)
def test_a_spread_that_cannot_be_is_refused_with_its_key(j: str | None, mode: str | None, words: str) -> None:
    tied = Experiment.model_validate(
        {"name": "a", "data": {"dataset_name": "synthetic"}, "model": {"tie_output": True}}
    )
    with pytest.raises(B4RError, match=words):
        spread(tied, j, mode)


def test_epochs_from_the_resumed_one_on_no_longer_count(store: RunStore) -> None:
    run = store.create(
        Experiment.model_validate(
            {"name": "a", "data": {"dataset_name": "synthetic"}, "training": {"num_epochs": 4}}
        )
    )
    writer = EventWriter(run.events_path)
    numbers = {"train_loss": 1.0, "lr": 0.1, "seconds": 1.0, "sequences_per_second": 1.0}
    for number in range(3):
        writer.write(Epoch(epoch=number, epochs=4, best=number != 1, **numbers))
    writer.write(
        RunStarted(
            run_id="r", experiment="a", world_size=1, device="cpu", mode="ddp", dataset={}, parameters=1
        )
    )
    writer.write(RunResumed(epoch=2, step=5, world_size=1, mode="ddp"))
    watch = RunWatch(run)
    watch.poll()
    assert [epoch.epoch for epoch in watch.progress.history] == [0, 1]
    assert (watch.progress.epoch, watch.progress.best_epoch) == (2, 0)
