"""Runs a worker script on real ranks, for tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT


def on_ranks(ranks: int, script: str, folder: Path, *arguments: str) -> str:
    """Standard output of `script` on so many ranks of torchrun, each with one thread; fails where one of them does."""
    worker = folder / "worker.py"
    worker.write_text(script)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(worker), *arguments], capture_output=True, text=True, timeout=240, check=False, env=env
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
