"""Starts and ends a tree of processes, leaving none behind.

torchrun's workers live in sessions of their own, so a process group is not enough: what belongs to a run is
its tree as it was before the first signal, and every process that carries the run's id in its environment.
"""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from pathlib import Path

import psutil

RUN_ID_VARIABLE = "B4R_RUN_ID"
_POLL_SECONDS = 0.05


def start(command: list[str], env: dict[str, str], folder: Path, log: Path | None) -> subprocess.Popen[bytes]:
    """Start `command` in `folder`, its output appended to `log`, or for None where ours goes.

    It is told to end when we die (Linux). Raises OSError.
    """
    with log.open("ab") if log else nullcontext() as output:
        return subprocess.Popen(  # we have no threads, so a preexec_fn is safe
            command,
            env=env,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=_death_pact(),
        )


def end(
    process: subprocess.Popen[bytes] | subprocess.Popen[str],
    run_id: str,
    grace: float,
    variable: str = RUN_ID_VARIABLE,
) -> None:
    """SIGTERM to the root of the tree; whatever of the tree lives after `grace` seconds is killed."""
    tree = descendants(process.pid)
    process.terminate()
    deadline = time.monotonic() + grace
    while time.monotonic() < deadline and (process.poll() is None or any(map(_lives, tree))):
        time.sleep(_POLL_SECONDS)
    _kill([*tree, *carriers(run_id, variable)])
    if process.poll() is None:
        process.kill()
    process.wait()


def sweep(run_id: str, variable: str = RUN_ID_VARIABLE) -> None:
    """Kill what a run left behind, until nothing carries its id any more."""
    for _ in range(20):
        left = carriers(run_id, variable)
        if not left:
            return
        _kill(left)
        psutil.wait_procs(left, timeout=1.0)


def descendants(pid: int) -> list[psutil.Process]:
    """All processes below `pid` now."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def carriers(run_id: str, variable: str = RUN_ID_VARIABLE) -> list[psutil.Process]:
    """Living processes that were started with the run's id in their environment."""
    return [process for process in psutil.process_iter() if _carries(process, run_id, variable)]


def _carries(process: psutil.Process, run_id: str, variable: str) -> bool:
    try:
        return process.environ().get(variable) == run_id and _lives(process)
    except (psutil.Error, OSError):
        return False


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _kill(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.Error):
            process.kill()


def _death_pact() -> Callable[[], None] | None:
    """What a child runs first so that it gets SIGTERM when its parent dies; None where there is no such call."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG of prctl(2)
    return lambda: libc.prctl(set_parent_death_signal, signal.SIGTERM)
