"""Determines the state and the processes of a run independently, from its files and /proc."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.chaos.event_log import load

REASONS = {"finished": "finished", "failed": "failed", "stopped": "stopped", "time_limit": "stopped"}
CLOCK_STEP = 1.0  # seconds by which a process may seem older than it is: the kernel counts from boot


def true_state(run_dir: Path) -> str:
    """Return the state by `exit.json` if it exists, else by the start and the lock."""
    if (run_dir / "exit.json").exists():
        return REASONS[load(run_dir / "exit.json")["reason"]]
    if load(run_dir / "status.json")["started_at"] is None:
        return "queued"
    return "running" if _is_locked(run_dir / "lock") else "lost"


def _is_locked(path: Path) -> bool:
    """Return whether a process holds the lock; tries a shared lock, which does not block other readers."""
    try:
        fd = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


@dataclass
class Traces:
    """Processes and sessions of the runs of a root, as far as observed."""

    root: Path
    start: float = field(default_factory=lambda: time.time() - CLOCK_STEP)
    sessions: set[int] = field(default_factory=set)

    def look(self) -> None:
        """Record the current sessions of the runs' processes."""
        for process in self._marked():
            with suppress(OSError):
                self.sessions.add(os.getsid(process.pid))

    def left(self) -> list[str]:
        """Return the live processes of the runs, by environment, command line or session."""
        marked = {process.pid: process for process in self._marked()}
        for process in psutil.process_iter():
            if process.pid not in marked and self._is_of_a_session(process):
                marked[process.pid] = process
        return [line for process in marked.values() if (line := _line(process))]

    def _marked(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if self._is_marked(process)]

    def _is_marked(self, process: psutil.Process) -> bool:
        try:
            runs = f"{self.root}/"
            if process.environ().get("B4R_RUN_DIR", "").startswith(runs):
                return True
            return any(word.startswith(runs) for word in process.cmdline())
        except (psutil.Error, OSError):
            return False

    def _is_of_a_session(self, process: psutil.Process) -> bool:
        try:
            return process.create_time() > self.start and os.getsid(process.pid) in self.sessions
        except (psutil.Error, OSError):
            return False


def _line(process: psutil.Process) -> str | None:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return f"{process.pid} {' '.join(process.cmdline())[:160]}"
    except psutil.Error:
        return None
