"""The log of a rank: one file per rank when a supervisor started it, else standard error."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from pathlib import Path

from engine.contract import run_folder


def start_log(run_dir: Path, rank: int) -> None:
    """Log to this rank's file, or to the shell, without warnings that libraries address to developers."""
    _redirect_output(run_dir, rank)
    log_to_stderr()


def log_to_stderr() -> None:
    """Log to standard error, without warnings that libraries address to developers."""
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S", force=True)
    logging.getLogger("engine").setLevel(logging.INFO)
    _quiet_libraries()


def _redirect_output(run_dir: Path, rank: int) -> None:
    """Redirect this process's output to logs/rank_<n>.log if a supervisor started it, not a user at a shell."""
    if "B4R_RUN_ID" not in os.environ or not run_dir.is_dir():
        return
    logs = run_dir / run_folder.LOGS
    logs.mkdir(exist_ok=True, mode=0o700)
    fd = os.open(logs / run_folder.rank_log(rank), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(fd, stream.fileno())
    os.close(fd)


def _quiet_libraries() -> None:
    """Drop warnings of libraries that a user of this program cannot act on."""
    for library in ("torch", "torchrec", "fbgemm_gpu"):
        logging.getLogger(library).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning, module="torchrec|torch|engine")
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="torchrec|torch")
