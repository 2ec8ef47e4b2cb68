"""Runs a worker script on real ranks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT


def on_ranks(ranks: int, script: str, folder: Path, *arguments: str) -> str:
    """Return the standard output of `script` under torchrun with one thread per rank; fail if a rank fails."""
    worker = folder / "worker.py"
    worker.write_text(script)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    completed = subprocess.run(
        [*command, str(worker), *arguments], capture_output=True, text=True, timeout=240, check=False, env=env
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stdout
