"""Runs through TorchX's local scheduler, with the real torchrun."""

from __future__ import annotations

import pytest

from b4r_tui.runs.launch import launch, stop
from b4r_tui.runs.processes import carriers
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run, RunStore
from engine.contract.events import Progress, RunStarted, read_events
from tests.b4r_tui.conftest import wait_until
from tests.b4r_tui.runs.supervision.backends.conftest import cluster_experiment, losses
from tests.conftest import ROOT

pytest.importorskip("torchx", reason="needs the extra torchx")
pytestmark = pytest.mark.torchrun
SECONDS = 150.0
LOCAL = "torchx:local_cwd"


@pytest.fixture(autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("B4R_GRACE", "20")


def events_of(run: Run, kind: type) -> list:
    return [record.event for record in read_events(run.events_path) if isinstance(record.event, kind)]


def test_two_nodes_train_and_a_broken_script_is_explained(root: RunStore, tmp_path) -> None:
    (run,) = launch(root, [cluster_experiment(j="2x1", scheduler=LOCAL)])
    wait_until(lambda: run.state.ended, SECONDS)
    assert run.state is RunState.FINISHED, (run.exit(), run.log_path().read_text())
    assert events_of(run, RunStarted)[0].world_size == 2
    assert len(losses(run.events_path)) == 2
    status = run.status()
    assert status is not None and status.job and status.job.startswith("torchx:local_cwd://")
    assert list((run.dir / "logs" / "torchx").rglob("stderr.log"))

    script = tmp_path / "script.py"
    script.write_text("raise ValueError('this is broken')")
    (broken,) = launch(root, [cluster_experiment(scheduler=LOCAL, script=str(script))])
    wait_until(lambda: broken.state.ended, SECONDS)
    ended = broken.exit()
    assert ended is not None and ended.error == "rank 0 ended with exit code 1: ValueError: this is broken"


def test_a_stop_cancels_the_app_whose_ranks_save(root: RunStore) -> None:
    (run,) = launch(root, [cluster_experiment(60, 16, scheduler=LOCAL)])
    wait_until(lambda: any(event.phase == "train" for event in events_of(run, Progress)), SECONDS)
    stop(run, wait=60)
    assert run.state is RunState.STOPPED
    assert "stopped on request" in run.log_path(0).read_text()
    assert not carriers(run.run_id)


def test_a_scheduler_that_torchx_has_not_is_named(root: RunStore) -> None:
    (run,) = launch(root, [cluster_experiment(scheduler="torchx:nowhere")])
    wait_until(lambda: run.state.ended, SECONDS)
    ended = run.exit()
    assert ended is not None and ended.code == 3
    assert ended.error and ended.error.startswith(
        "'nowhere' is not a TorchX scheduler here; one of local_docker"
    )
