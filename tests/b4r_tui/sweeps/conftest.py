"""Sweeps whose runs are small scripts, driven by the installed command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from b4r_tui.commands.main import main
from b4r_tui.runs.store import RunStore
from engine.contract.config.experiment import Experiment

QUADRATIC = """
if rank == 0:
    started()
    best = 1.0 - (config.training.lr - 0.3) ** 2 + 0.001 * config.training.seed
    for number in range(config.training.num_epochs):
        epoch(number, best * (number + 1) / config.training.num_epochs)
    tested()
    events.write(RunFinished(seconds=0.1, best_epoch=1))
"""
Write = Callable[..., Path]


@pytest.fixture
def sweep_of(tmp_path: Path, scripted: Callable[..., Experiment]) -> Write:
    """Writes a file with one sweep, of an experiment called x, over what a script's body makes of its settings."""

    def make(table: str, body: str = QUADRATIC, settings: str = "") -> Path:
        scripted(body, "x")
        path = tmp_path / "experiments.toml"
        path.write_text(
            "defaults.data.dataset_name = 'synthetic'\ndefaults.training.num_epochs = 2\n"
            "defaults.evaluation.protocols = ['full']\n[experiments.x]\nlaunch.script = 'x.py'\n"
            f"{settings}\n[experiments.x.sweep]\n{table}\n"
        )
        return path

    return make


def sweep(path: Path, store: RunStore, *options: str) -> int:
    return main(["--runs", str(store.root), "sweep", str(path), *options])


def found(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The last line of a sweep's JSON."""
    return json.loads(capsys.readouterr().out.splitlines()[-1])  # type: ignore[no-any-return]


def started(path: Path, store: RunStore, *options: str) -> subprocess.Popen[str]:
    """A driver as a process of its own."""
    command = [sys.executable, "-m", "b4r_tui", "--runs", str(store.root), "sweep", str(path), *options]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    )
