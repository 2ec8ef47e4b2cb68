"""Where a rank's own output goes when a supervisor watches it: one log file a rank."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from pathlib import Path


def redirect_output(run_dir: Path, rank: int) -> None:
    """Send this process's output to logs/rank_<n>.log if a supervisor started it; a person at a shell keeps it."""
    if "B4R_RUN_ID" not in os.environ or not run_dir.is_dir():
        return
    logs = run_dir / "logs"
    logs.mkdir(exist_ok=True, mode=0o700)
    fd = os.open(logs / f"rank_{rank}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(fd, stream.fileno())
    os.close(fd)


def quiet_libraries() -> None:
    """Drop warnings of the libraries that nobody who runs an experiment can act on."""
    logging.getLogger("torchrec").setLevel(logging.ERROR)
    logging.getLogger("torch.fx._symbolic_trace").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning, module="torchrec|torch|engine")
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="torchrec|torch")
