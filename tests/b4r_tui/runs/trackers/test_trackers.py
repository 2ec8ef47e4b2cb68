"""What trackers get is read back by their own readers, of runs under way and of runs that have ended."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from b4r_tui.commands.main import main
from b4r_tui.experiments.checks import problems_here
from b4r_tui.runs.launch import launch
from b4r_tui.runs.progress import RunWatch
from b4r_tui.runs.store import Run, RunStore
from b4r_tui.runs.trackers.tensorboard import TensorBoard
from engine.contract.config.experiment import Experiment
from engine.contract.events import Epoch, EventWriter, RunResumed
from tests.b4r_tui.conftest import GOOD, wait_for_end, wait_until

pytestmark = pytest.mark.usefixtures("fake_torchrun")
Scripted = Callable[..., Experiment]


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Name → (step, value) of all event files in a folder."""
    read = EventAccumulator(str(folder))
    read.Reload()
    return {
        tag: [(event.step, round(event.value, 5)) for event in read.Scalars(tag)]
        for tag in read.Tags()["scalars"]
    }


def ended_run(store: RunStore, experiment: Experiment) -> Run:
    (run,) = launch(store, [experiment])
    wait_for_end(run)
    return run


EXPECTED = {
    "train/loss": [(0, 5.0), (1, 4.0)],
    "train/lr": [(0, 0.1), (1, 0.1)],
    "train/sequences_per_second": [(0, 1000.0), (1, 1000.0)],
    "validation/full/recall@10": [(0, 0.2), (1, 0.4)],
    "validation/full/ndcg@10": [(0, 0.1), (1, 0.2)],
    "test/full/ndcg@10": [(1, 0.2)],
    "test/full/ndcg@10/low": [(1, 0.1)],
    "test/full/ndcg@10/high": [(1, 0.3)],
    "popularity/full/ndcg@10": [(1, 0.1)],
}


def test_tensorboard_shows_a_run_that_asked_for_it(store: RunStore, scripted: Scripted) -> None:
    run = ended_run(store, scripted(GOOD, trackers=["tensorboard"]))
    wait_until(lambda: len(list(run.dir.glob("tensorboard/events*"))) == 1)
    wait_until(lambda: scalars(run.dir / "tensorboard") == EXPECTED)


def test_tracking_a_finished_run_twice_changes_nothing(
    store: RunStore, scripted: Scripted, tmp_path: Path
) -> None:
    run = ended_run(store, scripted(GOOD))
    for _ in range(2):
        assert main(["track", run.run_id, "--runs", str(store.root), "--to", "tensorboard"]) == 0
        assert scalars(run.dir / "tensorboard") == EXPECTED
    into = str(tmp_path / "boards")
    assert main(["track", run.run_id, "--runs", str(store.root), "--to", "tensorboard", "--into", into]) == 0
    assert scalars(tmp_path / "boards" / "tiny" / run.run_id) == EXPECTED


def test_epochs_that_a_resume_took_back_are_shown_once(store: RunStore, scripted: Scripted) -> None:
    run = ended_run(store, scripted(GOOD))
    writer = EventWriter(run.events_path)
    writer.write(RunResumed(epoch=1, step=0, world_size=1, mode="ddp"))
    writer.write(Epoch(epoch=1, epochs=2, train_loss=3.0, lr=0.1, seconds=1.0, sequences_per_second=1.0))
    writer.close()
    assert main(["track", run.run_id, "--runs", str(store.root), "--to", "tensorboard"]) == 0
    assert scalars(run.dir / "tensorboard")["train/loss"] == [(0, 5.0), (1, 3.0)]


def test_a_board_begins_anew_where_numbers_no_longer_count(store: RunStore, scripted: Scripted) -> None:
    from b4r_tui.runs.trackers.numbers import Number

    run = store.create(scripted(GOOD))
    board = TensorBoard(run, None)
    board.put([Number("a", 1.0, 0, 1.0), Number("a", 2.0, 1, 2.0)])
    board.put([Number("a", 1.0, 0, 1.0), Number("a", 5.0, 1, 3.0), Number("a", 6.0, 2, 4.0)])
    board.close("finished")
    assert scalars(board.folder) == {"a": [(0, 1.0), (1, 5.0), (2, 6.0)]}


def test_mlflow_gets_settings_numbers_tags_and_the_config_once(
    store: RunStore, scripted: Scripted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ended_run(store, scripted(GOOD, env={"TOKEN": "secret"}))
    for _ in range(2):
        assert main(["track", run.run_id, "--runs", str(store.root), "--to", "mlflow"]) == 0
    client = MlflowClient(tracking_uri=f"sqlite:///{store.root}/.mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    (logged,) = client.search_runs([experiment.experiment_id])
    history = {
        name: [
            (metric.step, round(metric.value, 5))
            for metric in client.get_metric_history(logged.info.run_id, name)
        ]
        for name in logged.data.metrics
    }
    assert history == {name.replace("@", "_at_"): values for name, values in EXPECTED.items()}
    assert logged.data.params["training.num_epochs"] == "2"
    assert "secret" not in str(logged.data.params)
    assert logged.data.tags["b4r.run_id"] == run.run_id
    assert logged.info.status == "FINISHED"
    assert [each.path for each in client.list_artifacts(logged.info.run_id)] == ["config.toml"]
    assert store.runs() == [run]  # its store is no experiment


def test_a_tracker_that_fails_leaves_the_run_alone_and_is_told_of(
    store: RunStore, scripted: Scripted
) -> None:
    run = ended_run(store, scripted(GOOD, trackers=["mlflow"], tracking_uri="nonsense://nowhere"))
    assert run.exit() is not None
    assert str(run.state) == "finished"

    def warned() -> list[Any]:
        watch = RunWatch(run)
        watch.poll()
        return [each for each in watch.progress.warnings if each.code == "tracker_failed"]

    wait_until(warned, seconds=60)
    assert "mlflow stopped" in warned()[0].message


def test_a_missing_package_is_one_sentence_before_anything_starts(
    store: RunStore,
    scripted: Scripted,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = ended_run(store, scripted(GOOD))
    for module in [name for name in sys.modules if name.startswith("b4r_tui.runs.trackers.tensorboard")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    assert main(["track", run.run_id, "--runs", str(store.root), "--to", "tensorboard"]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert "pip install 'b4r-tui[tensorboard]'" in line
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (problem,) = problems_here(scripted(GOOD, trackers=["mlflow"]))
    assert (problem.key, int(problem.code)) == ("launch.trackers", 3)
