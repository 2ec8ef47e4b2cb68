"""Killed runs that resume: the same numbers, on the same ranks, on others, in the other mode."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch

from engine.contract.events import Epoch, Progress, RunResumed, Test, read_events
from engine.runtime.checkpoints.epoch_files import read_checkpoint
from tests.builders import experiment_of, write_run_config
from tests.engine.conftest import SECONDS, run_module

pytestmark = [pytest.mark.torchrun, pytest.mark.long]

EPOCHS = 3
KINDS = {"ddp-1": ("ddp", 0), "ddp-2": ("ddp", 2), "dmp-2": ("dmp", 2)}  # mode, ranks (0: without torchrun)


def settings_of(mode: str, ranks: int, dropout: float = 0.1, minutes: float = 0.001) -> dict:
    return {
        "model": {"dropout": dropout, "num_layers": 1},
        "training": {
            "num_epochs": EPOCHS,
            "train_batch_size": 16 // max(ranks, 1),
            "dupe_factor": 8,
            "gamma": 0.5,
            "decay_step": 1,
            "checkpoint_minutes": minutes,
            "keep_checkpoints": 2,
        },
        "evaluation": {"protocols": ["full"]},
        "launch": {"mode": mode, "j": f"1x{max(ranks, 1)}", "sharding": "row_wise"},
    }


def events_of(run_dir: Path, kind: type) -> list:
    return [
        record.event for record in read_events(run_dir / "events.jsonl") if isinstance(record.event, kind)
    ]


def position(run_dir: Path) -> tuple[int, int]:
    """Epoch and step that `last` goes on with."""
    try:
        found = json.loads((run_dir / "checkpoints" / "last" / "state.json").read_text())["position"]
    except FileNotFoundError:
        return 0, 0
    return found["epoch"], found["step"]


def trains_in(run_dir: Path, epoch: int) -> bool:
    """Whether a run has told of a training step of that epoch."""
    return any(event.phase == "train" and event.epoch == epoch for event in events_of(run_dir, Progress))


def signal_when(ready: Callable[[], bool], run_dir: Path, ranks: int, how: signal.Signals) -> int:
    """Train until it is time, then signal every process at once (SIGTERM: just the first)."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
    command = [sys.executable, *(torchrun if ranks else []), "-m", "engine.train", str(run_dir)]
    env = os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    with (run_dir / "output.txt").open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=env)
    deadline = time.monotonic() + SECONDS
    while not ready() and process.poll() is None:
        assert time.monotonic() < deadline, "the run got nowhere"
        time.sleep(0.002)
    assert process.poll() is None, (run_dir / "output.txt").read_text()
    tree = [] if how is signal.SIGTERM else psutil.Process(process.pid).children(recursive=True)
    for each in [psutil.Process(process.pid), *tree]:
        each.send_signal(how)
    return process.wait(timeout=60)


def resume(run_dir: Path, ranks: int) -> None:
    done = run_module("engine.train", [str(run_dir)], ranks)
    assert done.returncode == 0, done.stdout + done.stderr


def same_weights(one: Path, other: Path) -> None:
    for epoch in range(EPOCHS - 2, EPOCHS):
        ours, theirs = (
            read_checkpoint(run_dir / "checkpoints" / f"epoch_{epoch}_model.pth").weights
            for run_dir in (one, other)
        )
        assert ours.keys() == theirs.keys()
        for name, tensor in theirs.items():
            assert torch.equal(ours[name], tensor), name


@pytest.fixture(scope="module")
def undisturbed(train):
    """Runs nobody disturbs, saved at the ends of their epochs only; each kind is trained once."""
    runs: dict[str, Path] = {}

    def of(kind: str) -> Path:
        if kind not in runs:
            mode, ranks = KINDS[kind]
            runs[kind] = train(experiment_of(**settings_of(mode, ranks, minutes=100.0)), ranks)
        return runs[kind]

    return of


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A run folder for each kind whose ranks were killed at a step drawn from a seed, in the second epoch."""
    runs: dict[str, Path] = {}

    def of(kind: str) -> Path:
        if kind not in runs:
            mode, ranks = KINDS[kind]
            run_dir = tmp_path_factory.mktemp("killed")
            write_run_config(run_dir, experiment_of(**settings_of(mode, ranks)))
            goal = (1, random.Random(kind).randrange(3, 20))
            signal_when(lambda: position(run_dir) >= goal, run_dir, ranks, signal.SIGKILL)
            runs[kind] = run_dir
        copy = tmp_path_factory.mktemp("copy") / "run"
        shutil.copytree(runs[kind], copy)
        return copy

    return of


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_killed_at_any_step_resumes_bit_identically(kind, undisturbed, killed):
    run_dir, whole = killed(kind), undisturbed(kind)
    assert position(run_dir)[0] == 1 and position(run_dir)[1] > 0, "killed outside an epoch"
    resume(run_dir, KINDS[kind][1])
    ours, theirs = events_of(run_dir, Epoch), events_of(whole, Epoch)
    assert [event.epoch for event in ours] == list(range(EPOCHS))
    assert [event.train_loss for event in ours] == [event.train_loss for event in theirs]
    assert [(event.metrics, event.lr, event.best) for event in ours] == [
        (event.metrics, event.lr, event.best) for event in theirs
    ]
    assert events_of(run_dir, Test) == events_of(whole, Test)
    same_weights(run_dir, whole)
    (resumed,) = events_of(run_dir, RunResumed)
    assert (resumed.epoch, resumed.mode) == (1, KINDS[kind][0]) and resumed.step > 0
    assert json.loads((run_dir / "checkpoints" / "best.json").read_text()) == json.loads(
        (whole / "checkpoints" / "best.json").read_text()
    )
    assert {p.name for p in (run_dir / "checkpoints").iterdir()} == {
        p.name for p in (whole / "checkpoints").iterdir()
    }
    environment = json.loads((run_dir / "environment.json").read_text())
    assert len(environment["earlier"]) == 1 and "earlier" not in environment["earlier"][0]


def test_a_sigterm_saves_between_two_steps_and_the_run_resumes_bit_identically(undisturbed, tmp_path):
    write_run_config(tmp_path, experiment_of(**settings_of("ddp", 2, minutes=100.0)))
    assert signal_when(lambda: trains_in(tmp_path, 1), tmp_path, 2, signal.SIGTERM) != 0
    assert position(tmp_path) > (1, 0), "nothing was saved when it was told to stop"
    assert "Traceback" not in (tmp_path / "output.txt").read_text().split("SIGTERM")[0]
    resume(tmp_path, 2)
    assert [e.train_loss for e in events_of(tmp_path, Epoch)] == [
        e.train_loss for e in events_of(undisturbed("ddp-2"), Epoch)
    ]
    same_weights(tmp_path, undisturbed("ddp-2"))
