"""Runs of the real engine that tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.contract.config.experiment import Experiment
from tests.builders import experiment_of, write_run_config

SECONDS = 240


def run_module(
    module: str, arguments: list[str], ranks: int, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run an engine module on `ranks` ranks of torchrun, or without torchrun for 0."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
    command = [sys.executable, *(torchrun if ranks else []), "-m", module, *arguments]
    env = os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"} | variables
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=env, check=False)


Train = Callable[[Experiment, int], Path]


@pytest.fixture(scope="session")
def train(tmp_path_factory: pytest.TempPathFactory) -> Train:
    """Train an experiment on some ranks (0: without torchrun); gives the run folder, fails if the run did."""

    def start(experiment: Experiment, ranks: int) -> Path:
        run_dir = tmp_path_factory.mktemp("run")
        write_run_config(run_dir, experiment)
        done = run_module("engine.train", [str(run_dir)], ranks)
        assert done.returncode == 0, done.stdout + done.stderr
        return run_dir

    return start


@pytest.fixture(scope="session")
def single_run(train: Train) -> Path:
    """The tiny experiment, trained in one process without dropout."""
    return train(experiment_of(model={"dropout": 0.0}), 0)


@pytest.fixture(scope="session")
def ddp_run(train: Train) -> Path:
    """The same on two ddp ranks with the same global batch."""
    settings = {"model": {"dropout": 0.0}, "training": {"train_batch_size": 16}, "launch": {"j": "1x2"}}
    return train(experiment_of(**settings), 2)


@pytest.fixture(scope="session")
def dmp_run(train: Train) -> Path:
    """The same on two dmp ranks with the same global batch."""
    settings = {
        "model": {"dropout": 0.0},
        "training": {"train_batch_size": 16},
        "launch": {"mode": "dmp", "j": "1x2", "sharding": "row_wise"},
    }
    return train(experiment_of(**settings), 2)
