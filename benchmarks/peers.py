"""Installs the libraries to compare with into a separate virtual environment, and runs programs in it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.histories import Log

HOME = Path(__file__).parent / ".peers"
PYTHON = HOME / "bin" / "python"
REQUIREMENTS = (
    ["torch==2.13.0"],
    ["recbole==1.2.1", "rectools[torch]==0.18.0"],
)  # torch first: the others accept its version
PROGRAMS = {"RecBole 1.2.1": "peer_recbole.py", "RecTools 0.18.0": "peer_rectools.py"}  # for evaluation
TRAINING_PROGRAMS = {"RecBole 1.2.1": "peer_recbole_train.py", "RecTools 0.18.0": "peer_rectools_train.py"}


def install() -> None:
    """Create the environment unless it is complete. Raises CalledProcessError."""
    if (HOME / "complete").exists():
        return
    subprocess.run([sys.executable, "-m", "venv", HOME], check=True)
    for packages in REQUIREMENTS:
        subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", *packages], check=True, stdout=sys.stderr)
    (HOME / "complete").touch()


def run(program: str, log: Log, settings: dict[str, int]) -> dict[str, Any]:
    """Run a peer's program on a log; return its users and seconds. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "log.npz", users=log.users, items=log.items)
        (folder / "settings.json").write_text(json.dumps({**settings, "max_len": log.max_len}))
        command = [str(PYTHON), str(Path(__file__).parent / program)]
        completed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        return dict(json.loads(completed.stdout.splitlines()[-1]))
