"""Starts and ends process trees, leaving no process behind.

torchrun's workers have their own sessions, so a process group is not enough: a run owns its tree as it was since the
first signal, and every process with the run's id in its environment. A process that calls `adopt_orphans` also gets
back what left its tree by a double fork, whatever its environment.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Container, Iterable
from contextlib import nullcontext, suppress
from pathlib import Path

import psutil

RUN_ID_VARIABLE = "B4R_RUN_ID"
_POLL_SECONDS = 0.05
_ROUNDS = 20  # of killing processes that come back
_adopter: int | None = None  # the process that called adopt_orphans; its forks are not
_spared: set[int] = set()


def start_process(
    command: list[str], env: dict[str, str], folder: Path, log: Path | None
) -> subprocess.Popen[bytes]:
    """Start `command` in `folder`, its output appended to `log`, or, for None, to our own.

    It gets SIGTERM when this process dies (Linux). Raises OSError.
    """
    with log.open("ab") if log else nullcontext() as output:
        return subprocess.Popen(  # this process has no threads, so a preexec_fn is safe
            command,
            env=env,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=_death_pact(),
        )


def adopt_orphans() -> None:
    """Become the parent of orphaned descendants (Linux), and let `sweep` kill all descendants."""
    global _adopter
    become_subreaper()
    _adopter = os.getpid()


def spare(pid: int) -> None:
    """Exclude this descendant from sweeps."""
    _spared.add(pid)


def become_subreaper() -> None:
    """Become the parent of orphaned descendants, where the system supports that (Linux)."""
    if sys.platform.startswith("linux"):
        subreaper = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
        ctypes.CDLL(None).prctl(subreaper, 1)


def reap_adopted(known: Container[int]) -> None:
    """Reap adopted processes, so that they do not stay as zombies. known: children that we started."""
    peek = os.WEXITED | os.WNOHANG | os.WNOWAIT
    with suppress(ChildProcessError):
        while (found := os.waitid(os.P_ALL, 0, peek)) is not None and found.si_pid not in known:
            os.waitpid(found.si_pid, 0)


def end(
    process: subprocess.Popen[bytes] | subprocess.Popen[str],
    run_id: str,
    grace: float,
    variable: str = RUN_ID_VARIABLE,
) -> None:
    """Send SIGTERM to the root of the tree, and kill what of the tree is alive after `grace` seconds."""
    tree = set(descendants(process.pid))
    process.terminate()
    deadline = time.monotonic() + grace
    while time.monotonic() < deadline and (process.poll() is None or any(map(lives, tree))):
        tree.update(descendants(process.pid))
        time.sleep(_POLL_SECONDS)
    kill([*tree, *carriers(run_id, variable)])
    if process.poll() is None:
        process.kill()
    process.wait()


def sweep(run_id: str, variable: str = RUN_ID_VARIABLE) -> None:
    """Kill what a run left behind, until no process has its id (and an adopter has no descendants)."""
    kill_all(lambda: [*carriers(run_id, variable), *_adopted()])


def kill_all(find: Callable[[], Iterable[psutil.Process]]) -> int:
    """Kill what `find` finds until it finds nothing, and return the number of processes."""
    killed: set[int] = set()
    for _ in range(_ROUNDS):
        left = list(set(find()))
        if not left:
            break
        killed.update(process.pid for process in left)
        kill(left)
        psutil.wait_procs(left, timeout=1.0)
    return len(killed)


def _adopted() -> list[psutil.Process]:
    below = descendants(os.getpid()) if _adopter == os.getpid() else []
    return [process for process in below if process.pid not in _spared and lives(process)]


def descendants(pid: int, deep: bool = True) -> list[psutil.Process]:
    """Return all descendants of `pid` now, or just its children."""
    try:
        return psutil.Process(pid).children(recursive=deep)
    except psutil.Error:
        return []


def carriers(run_id: str, variable: str = RUN_ID_VARIABLE) -> list[psutil.Process]:
    """Living processes that were started with the run's id in their environment."""
    return [process for process in psutil.process_iter() if _carries(process, run_id, variable)]


def _carries(process: psutil.Process, run_id: str, variable: str) -> bool:
    try:
        return process.environ().get(variable) == run_id and lives(process)
    except (psutil.Error, OSError):
        return False


def lives(process: psutil.Process) -> bool:
    """Return whether the process is alive; a zombie is not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def kill(processes: Iterable[psutil.Process]) -> None:
    """Send SIGKILL to each process that still exists."""
    for process in processes:
        with suppress(psutil.Error):
            process.kill()


def _death_pact() -> Callable[[], None] | None:
    """Return what a child calls first to get SIGTERM when its parent dies; None if the system has no such call."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG of prctl(2)
    return lambda: libc.prctl(set_parent_death_signal, signal.SIGTERM)
