"""How far a run is, from its events."""

from __future__ import annotations

import time

import pytest

from b4r_tui.runs.progress import RunProgress, RunWatch
from b4r_tui.runs.records import ExitRecord, write_exit
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import RunStore
from engine.contract.config.experiment import Experiment
from engine.contract.events import (
    Epoch,
    Event,
    EventWriter,
    Progress,
    Record,
    RunFailed,
    RunFinished,
    RunStarted,
    Test,
    Warn,
)


def told(*events: tuple[float, Event], epochs: int = 4) -> RunProgress:
    progress = RunProgress(epochs=epochs)
    for t, event in events:
        progress.apply(Record(t, event, {}))
    return progress


def epoch(number: int, epochs: int = 4, ndcg: float | None = 0.1, best: bool = False) -> Epoch:
    metrics = {} if ndcg is None else {"full": {"ndcg@10": ndcg}, "popular-100": {"ndcg@10": 2 * ndcg}}
    return Epoch(
        epoch=number,
        epochs=epochs,
        train_loss=5.0 - number,
        lr=0.1,
        seconds=10.0,
        sequences_per_second=99.0,
        metrics=metrics,
        best=best,
    )


def train(number: int, step: int, steps: int = 10) -> Progress:
    return Progress(phase="train", epoch=number, step=step, steps=steps, loss=4.0, sequences_per_second=50.0)


STARTED = RunStarted(
    run_id="r", experiment="a", world_size=1, device="cpu", mode="ddp", dataset={"name": "x"}, parameters=1
)
TESTED = Test(checkpoint_epoch=1, metrics={"full": {}}, baseline={})


def test_nothing_said_means_nothing_done() -> None:
    progress = RunProgress()
    assert progress.fraction() == 0.0
    assert progress.eta_seconds(1.0) is None
    assert progress.metric("ndcg@10") is None


def test_the_bar_only_ever_moves_forward_and_ends_full() -> None:
    events: list[Event] = [STARTED, Progress(phase="data")]
    for number in range(4):
        events += [train(number, 5), train(number, 10)]
        events += [Progress(phase="validate", epoch=number, step=1, steps=2), epoch(number)]
    events += [
        Progress(phase="test", epoch=3, step=1, steps=2),
        TESTED,
        RunFinished(seconds=9.0, best_epoch=1),
    ]
    progress, seen = RunProgress(epochs=4), []
    for t, event in enumerate(events):
        progress.apply(Record(float(t), event, {}))
        seen.append(progress.fraction())
    assert seen == sorted(seen)
    assert seen[0] == 0.0
    assert seen[-1] == 1.0
    assert seen[-2] <= 1.0


def test_the_time_to_go_follows_the_pace_of_steps_and_epochs() -> None:
    progress = told((0.0, train(0, 0)), (10.0, train(0, 10)))
    assert progress.eta_seconds(10.0) == pytest.approx(10 / (0.9 * 0.98 / 4) - 10)
    progress = told((0.0, train(0, 0)), *((10.0 * n + 10, epoch(n)) for n in range(2)))
    assert progress.eta_seconds(20.0) == pytest.approx(20 / (0.98 / 2) - 20)
    assert progress.eta_seconds(25.0) == pytest.approx(20 / (0.98 / 2) - 25)
    assert progress.eta_seconds(1e9) == 0.0


def test_metrics_are_the_newest_measured_of_the_first_protocol() -> None:
    progress = told(
        (1.0, epoch(0, ndcg=0.1)), (2.0, epoch(1, ndcg=0.3, best=True)), (3.0, epoch(2, ndcg=None))
    )
    assert progress.metric("ndcg@10") == 0.3
    assert progress.metric("ndcg@10", "popular-100") == 0.6
    assert progress.metric("recall@10") is None
    assert progress.metric_curve("ndcg@10") == [(0, 0.1), (1, 0.3)]
    assert progress.train_losses == [5.0, 4.0, 3.0]
    assert (progress.best_epoch, progress.epochs_done) == (1, 3)


def test_epochs_done_again_after_a_resume_replace_the_old_ones() -> None:
    progress = told((1.0, epoch(0)), (2.0, epoch(1)), (3.0, epoch(2)), (4.0, epoch(1, ndcg=0.5)))
    assert [each.epoch for each in progress.history] == [0, 1]
    assert progress.metric("ndcg@10") == 0.5


def test_a_failure_and_warnings_are_kept() -> None:
    progress = told(
        (1.0, Warn(code="x", message="careful")),
        (2.0, RunFailed(error="broke", rank=1, traceback="Traceback")),
    )
    assert (progress.error, progress.traceback, progress.ended_at) == ("broke", "Traceback", 2.0)
    assert progress.warnings[0].message == "careful"
    assert progress.eta_seconds(3.0) is None


def test_a_watch_tells_whether_something_changed(store: RunStore) -> None:
    run = store.create(
        Experiment.model_validate(
            {"name": "a", "data": {"dataset_name": "synthetic"}, "training": {"num_epochs": 7}}
        )
    )
    watch = RunWatch(run)
    assert watch.progress.epochs == 7
    assert not watch.poll()
    EventWriter(run.events_path).write(STARTED)
    assert watch.poll()
    assert [type(record.event) for record in watch.new_records] == [RunStarted]
    assert not watch.poll()
    write_exit(run.dir, ExitRecord(reason="failed", ended_at=time.time(), error="broke"))
    assert watch.poll()
    assert (watch.state, watch.progress.error) == (RunState.FAILED, "broke")
    assert not watch.poll()
