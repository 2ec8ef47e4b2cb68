"""Other libraries to measure beside us: a virtual environment of their own, and programs run in it."""

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
)  # torch first: the rest adapts
PROGRAMS = {"RecBole 1.2.1": "peer_recbole.py", "RecTools 0.18.0": "peer_rectools.py"}  # of evaluation
TRAINING_PROGRAMS = {"RecBole 1.2.1": "peer_recbole_train.py", "RecTools 0.18.0": "peer_rectools_train.py"}


def install() -> None:
    """Make the environment unless it is whole. Raises CalledProcessError."""
    if (HOME / "whole").exists():
        return
    subprocess.run([sys.executable, "-m", "venv", HOME], check=True)
    for packages in REQUIREMENTS:
        subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", *packages], check=True, stdout=sys.stderr)
    (HOME / "whole").touch()


def run(program: str, log: Log, settings: dict[str, int]) -> dict[str, Any]:
    """What a peer's program says of a log: users and seconds. Raises CalledProcessError with its last words."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "log.npz", users=log.users, items=log.items)
        (folder / "settings.json").write_text(json.dumps({**settings, "max_len": log.max_len}))
        command = [str(PYTHON), str(Path(__file__).parent / program)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        return dict(json.loads(done.stdout.splitlines()[-1]))
