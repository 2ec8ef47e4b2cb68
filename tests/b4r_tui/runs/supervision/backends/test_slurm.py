"""Jobs on a real Slurm of two nodes that both are this machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from b4r_tui.runs.launch import launch, stop
from b4r_tui.runs.locks import is_held
from b4r_tui.runs.processes import carriers
from b4r_tui.runs.queue.reorder import set_paused
from b4r_tui.runs.resume import resume
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run, RunStore
from b4r_tui.runs.supervision.backends.slurm import job_of
from b4r_tui.runs.supervision.backends.slurm_job import command, find_job
from b4r_tui.runs.supervision.orphans import sweep_orphans
from engine.contract.events import Epoch, Progress, RunResumed, RunStarted, read_events
from tests.b4r_tui.conftest import runners, wait_until
from tests.b4r_tui.runs.supervision.backends.conftest import cluster_experiment, losses
from tests.conftest import ROOT
from tests.engine.conftest import Train, train

__all__ = ["train"]
pytestmark = [pytest.mark.slurm, pytest.mark.torchrun, pytest.mark.long]
SECONDS = 150.0


@pytest.fixture(scope="session")
def slurm_conf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """SLURM_CONF of a cluster that lives as long as the tests."""
    given = os.environ.get("B4R_SLURM_CLUSTER")
    program = Path(given) if given else ROOT.parent / "shared" / "tools" / "slurm-cluster"
    if not program.is_file():
        pytest.skip(f"needs a Slurm: no {program}; set B4R_SLURM_CLUSTER to a program that starts one")
    if shutil.which("slurmctld") is None and os.geteuid() != 0:
        pytest.skip("needs a Slurm: slurmctld is not installed, and only root may install it")
    folder = tmp_path_factory.mktemp("slurm")
    started = subprocess.run(
        [program, "start", folder], capture_output=True, text=True, timeout=300, check=False
    )
    try:
        assert started.returncode == 0, started.stderr
        yield str(folder / "slurm.conf")
    finally:
        subprocess.run([program, "stop", folder], check=True, timeout=60)


@pytest.fixture
def slurm(slurm_conf: str, root: RunStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    """A runs root whose runs may use the cluster; no job outlives the test."""
    monkeypatch.setenv("SLURM_CONF", slurm_conf)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("B4R_GRACE", "20")
    yield root
    for run in root.runs():
        if job_id := job_of(run):
            subprocess.run(["scancel", job_id], check=False)
            wait_until(lambda job_id=job_id: (job := find_job(job_id)) is None or job.over, 60)


def events_of(run: Run, kind: type) -> list:
    return [record.event for record in read_events(run.events_path) if isinstance(record.event, kind)]


def waits_for(run: Run) -> str:
    status = run.status()
    return (status.waits or "") if status else ""


def finished(run: Run) -> None:
    wait_until(lambda: run.state.ended, SECONDS)
    assert run.state is RunState.FINISHED, (run.exit(), run.log_path().read_text())


def trains(run: Run) -> bool:
    return any(event.phase == "train" for event in events_of(run, Progress))


def test_a_job_on_two_nodes_gives_the_losses_of_one_machine(slurm: RunStore, train: Train) -> None:
    alone = train(cluster_experiment(j="1x2"), 2)
    (run,) = launch(slurm, [cluster_experiment(j="2x1", scheduler="slurm", slurm={"partition": "debug"})])
    finished(run)
    assert losses(run.events_path) == losses(alone / "events.jsonl")
    assert events_of(run, RunStarted)[0].world_size == 2
    status = run.status()
    assert status is not None and status.job == f"slurm:{job_of(run)}" and status.waits is None
    job = find_job(str(job_of(run)))
    assert job is not None and job.state == "COMPLETED"
    assert not carriers(run.run_id)


def test_what_a_job_waits_for_is_told_and_a_waiting_one_can_be_stopped(slurm: RunStore) -> None:
    (run,) = launch(
        slurm,
        [cluster_experiment(j="2x1", scheduler="slurm", slurm={"extra": ["--begin=now+1hour"]})],
    )
    wait_until(lambda: "BeginTime" in waits_for(run), 30)
    assert run.state is RunState.QUEUED
    assert waits_for(run).startswith(f"Slurm job {job_of(run)} waits: BeginTime (its start time")
    stop(run, wait=30)
    assert run.state is RunState.STOPPED
    job = find_job(str(job_of(run)))
    assert job is not None and job.state == "CANCELLED"


def test_a_job_is_taken_up_requeued_and_stopped(slurm: RunStore) -> None:
    (run,) = launch(slurm, [cluster_experiment(60, 16, j="2x1", scheduler="slurm")])
    wait_until(lambda: bool(events_of(run, Epoch)), SECONDS)
    status = run.status()
    assert status is not None and status.supervisor_pid is not None

    for runner in runners(slurm):
        runner.kill()
        runner.wait(10)
    os.kill(status.supervisor_pid, signal.SIGKILL)
    wait_until(lambda: run.state is RunState.LOST)
    assert sweep_orphans(slurm.root) == 0, "the job's processes are Slurm's, though they run here"
    resume(run)
    wait_until(lambda: run.state is RunState.RUNNING, 30)
    second = run.status()
    assert second is not None and second.supervisor_pid not in (None, status.supervisor_pid)

    os.kill(second.supervisor_pid, signal.SIGKILL)
    wait_until(lambda: (third := run.status()) is not None and third.supervisor_pid != second.supervisor_pid)
    wait_until(lambda: run.state is RunState.RUNNING, 30)
    assert not (run.dir / "attempts").exists(), "the same job, not another attempt"
    assert job_of(run) == (status.job or "").removeprefix("slurm:")

    job_id = str(job_of(run))
    command("scontrol", "requeue", job_id)
    wait_until(lambda: run.state is RunState.QUEUED, 60)
    assert f"Slurm job {job_id} waits" in waits_for(run)
    wait_until(lambda: not carriers(run.run_id), 60)
    command("scontrol", "update", f"JobId={job_id}", "StartTime=now")
    wait_until(lambda: bool(events_of(run, RunResumed)), SECONDS)
    (resumed,) = events_of(run, RunResumed)
    assert (resumed.epoch, resumed.step) > (0, 0)
    wait_until(lambda: events_of(run, Epoch)[-1].epoch >= resumed.epoch, SECONDS)

    stop(run, wait=90)
    assert run.state is RunState.STOPPED
    assert "stopped on request" in run.log_path(0).read_text(), "the ranks were told, and saved"
    assert not carriers(run.run_id)


def test_stopping_a_lost_run_ends_its_job(slurm: RunStore) -> None:
    (run,) = launch(
        slurm,
        [cluster_experiment(60, 16, j="2x1", scheduler="slurm", slurm={"extra": ["--begin=now+1hour"]})],
    )
    wait_until(lambda: "BeginTime" in waits_for(run), 30)
    set_paused(slurm, [], True)
    status = run.status()
    assert status is not None and status.supervisor_pid is not None
    os.kill(status.supervisor_pid, signal.SIGKILL)
    wait_until(lambda: not is_held(run.dir / "lock"))
    stop(run)
    assert run.state is RunState.STOPPED
    job = find_job(str(job_of(run)))
    assert job is not None and job.state == "CANCELLED"


def test_a_failing_job_says_why(slurm: RunStore, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("raise ValueError('this is broken')")
    good = cluster_experiment(scheduler="slurm")
    broken = good.model_copy(update={"launch": good.launch.model_copy(update={"script": str(script)})})
    refused = cluster_experiment(scheduler="slurm", slurm={"partition": "nowhere"})
    runs = launch(slurm, [broken, refused])
    wait_until(lambda: all(run.state.ended for run in runs), SECONDS)
    first, second = (run.exit() for run in runs)
    assert first is not None and first.error == "rank 0 ended with exit code 1: ValueError: this is broken"
    assert second is not None and second.code == 3
    assert second.error and "sbatch failed: " in second.error and "invalid partition" in second.error
