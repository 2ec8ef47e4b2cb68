"""Fixtures of launches on several nodes: a real tiny experiment, and an ssh that stays on this machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from b4r_tui.runs.processes import carriers
from b4r_tui.runs.store import RunStore
from engine.contract.config.experiment import Experiment
from engine.contract.events import Epoch, read_events
from tests.builders import experiment_of
from tests.conftest import ROOT

FAKE_SSH = """#!/bin/sh
# takes ssh's options and the host away and gives the rest to a shell, as sshd does
while [ "$1" != "--" ]; do shift; done
shift
case "$1" in unreachable) echo "ssh: connect to host $1: No route to host" >&2; exit 255;; esac
shift
exec sh -c "$*"
"""


@pytest.fixture
def root(tmp_path: Path) -> Iterator[RunStore]:
    """A runs root of the test's own; no process of its runs outlives the test."""
    store = RunStore(tmp_path / "runs")
    yield store
    for run in store.runs():
        for process in carriers(run.run_id):
            process.kill()


@pytest.fixture
def fake_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes started from here on find a program `ssh` that stays on this machine."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "ssh").write_text(FAKE_SSH)
    (folder / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{Path(sys.executable).parent}", prepend=":")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("B4R_GRACE", "10")
    monkeypatch.setenv("B4R_LAST_CALL", "3")


def cluster_experiment(epochs: int = 2, dupe_factor: int = 1, **launch: Any) -> Experiment:
    """A tiny experiment without dropout whose steps are of 32 sequences on two ranks."""
    training = {
        "num_epochs": epochs,
        "train_batch_size": 16,
        "dupe_factor": dupe_factor,
        "mask_prob": 0.3,
        "checkpoint_minutes": 0.001,
    }
    return experiment_of(
        model={"dropout": 0.0, "num_layers": 1},
        training=training,
        evaluation={"protocols": ["full"], "metric_ks": [10]},
        launch={"threads": 1, **launch},
    )


def losses(path: Path) -> list[float]:
    """Training loss of each epoch told in an events file."""
    return [record.event.train_loss for record in read_events(path) if isinstance(record.event, Epoch)]
