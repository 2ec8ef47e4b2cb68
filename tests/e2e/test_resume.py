"""`b4r-tui stop` and `resume` work with the real engine: another number of ranks, the other mode, kill -9."""

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from b4r_tui.runs.processes import carriers
from b4r_tui.runs.store import Run, RunStore
from engine.contract.events import Epoch, Progress, RunResumed, Warn, read_events

pytestmark = [pytest.mark.torchrun, pytest.mark.long]

PROGRAM = [sys.executable, "-m", "b4r_tui"]
EXPERIMENTS = """
[defaults]
data = {dataset_name = "synthetic", random_user_count = 60, random_item_count = 40, random_size = 900}
model = {max_len = 12, emb_dim = 16, num_layers = 1, dropout = 0.0}
training = {num_epochs = 3, train_batch_size = 16, dupe_factor = 40, checkpoint_minutes = 0.001}
evaluation = {metric_ks = [10], protocols = ["full"]}
launch = {gpu = 0}
[experiments.copied]
"""


def b4r(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def events_of(run: Run, kind: type) -> list:
    return [record.event for record in read_events(run.events_path) if isinstance(record.event, kind)]


def wait(run: Run, condition, seconds: float = 200.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, run.log_path().read_text()
        time.sleep(0.02)


def in_epoch(run: Run, epoch: int) -> bool:
    return any(event.phase == "train" and event.epoch == epoch for event in events_of(run, Progress))


def test_a_stopped_or_killed_run_resumes_with_other_ranks_and_mode(tmp_path: Path) -> None:
    (tmp_path / "experiments.toml").write_text(EXPERIMENTS)
    assert b4r(tmp_path, "launch", "experiments.toml").returncode == 0
    (uninterrupted,) = RunStore(tmp_path / "runs").runs()
    wait(uninterrupted, lambda: str(uninterrupted.state) == "finished")
    refused = b4r(tmp_path, "resume", uninterrupted.run_id)
    assert refused.returncode == 2 and "has finished" in refused.stderr

    assert b4r(tmp_path, "launch", "experiments.toml").returncode == 0
    run = RunStore(tmp_path / "runs").runs()[-1]
    wait(run, lambda: in_epoch(run, 0))
    stopped = b4r(tmp_path, "stop", run.run_id)
    assert stopped.returncode == 0 and "stopped" in stopped.stdout, stopped.stderr
    state = json.loads((run.dir / "checkpoints" / "last" / "state.json").read_text())
    assert state["position"]["step"] > 0 or state["position"]["epoch"] > 0

    assert b4r(tmp_path, "resume", run.run_id, "--j", "1x2").returncode == 0
    wait(run, lambda: in_epoch(run, 1))
    supervisor = run.status().supervisor_pid
    for process in [psutil.Process(supervisor), *carriers(run.run_id)]:
        process.kill()
    wait(run, lambda: str(run.state) == "lost")

    assert b4r(tmp_path, "resume", run.run_id, "--mode", "dmp").returncode == 0
    wait(run, lambda: str(run.state) in ("finished", "failed"))
    assert str(run.state) == "finished", run.exit()
    ours, theirs = events_of(run, Epoch), events_of(uninterrupted, Epoch)
    assert [event.epoch for event in ours] == [0, 1, 2]
    assert ours[0].train_loss == pytest.approx(theirs[0].train_loss, abs=1e-5), "other ranks, other losses"
    assert [event.world_size for event in events_of(run, RunResumed)] == [2, 2]
    assert [event.mode for event in events_of(run, RunResumed)] == ["ddp", "dmp"]
    (warning,) = events_of(run, Warn)
    assert warning.code == "optimiser_anew" and "items.embeddings.item.weight" in warning.message
    config = run.config()
    assert (config.training.train_batch_size, config.launch.j, config.launch.mode) == (8, "1x2", "dmp")
    assert sorted(path.name for path in (run.dir / "attempts").iterdir()) == ["1", "2"]
