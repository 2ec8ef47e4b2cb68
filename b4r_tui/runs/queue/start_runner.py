"""Sees to it that a runner is there for a runs root that has something to run."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from b4r_tui.runs.locks import is_held
from b4r_tui.runs.processes import RUN_ID_VARIABLE
from b4r_tui.runs.queue_place import QUEUE_FOLDER, queue_folder
from b4r_tui.runs.queue_settings import read_settings, wake
from b4r_tui.runs.state import RunState
from engine.contract.errors import B4RError, ExitCode

_NOT_ITS = (
    RUN_ID_VARIABLE,
    "B4R_RUN_DIR",
    "B4R_CPUS",
    "CUDA_VISIBLE_DEVICES",
)  # of a run or shell, not of the runner
_LOG_BYTES = 1 << 20
_REVIVE_SECONDS = 1.0


def runner_lives(root: Path) -> bool:
    """Whether a runner holds the root's lock."""
    return is_held(root / QUEUE_FOLDER / "runner.lock")


def ensure_runner(root: Path) -> None:
    """Wake the root's runner, or start one in a session of its own; call it after the runs are written.

    Of several started at once one stays. Raises B4RError where no process can be made.
    """
    try:
        wake(root)
        if not runner_lives(root):
            _start_runner(root)
    except OSError as error:
        sentence = f"{root}: no runner could be started: {error.strerror or error}"
        raise B4RError(sentence, ExitCode.ENVIRONMENT) from error


class RunnerWatch:
    """Keeps a root's runner alive for those who wait for its runs: it may be killed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._not_before = 0.0

    def revive(self, states: Iterable[RunState]) -> None:
        """Start a runner where runs wait or run and none lives, and the queue is not paused; each second at most."""
        now = time.monotonic()
        if now < self._not_before:
            return
        self._not_before = now + _REVIVE_SECONDS
        there = set(states)
        waits = RunState.QUEUED in there and not read_settings(self._root).paused
        if (waits or RunState.RUNNING in there) and not runner_lives(self._root):
            ensure_runner(self._root)


def _start_runner(root: Path) -> None:
    command = [sys.executable, "-m", "b4r_tui.runs.queue.runner", str(root.absolute())]
    env = {name: value for name, value in os.environ.items() if name not in _NOT_ITS}
    log = _open_log(queue_folder(root) / "runner.log")
    try:
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    finally:
        os.close(log)
    threading.Thread(target=process.wait, daemon=True).start()  # reaps it, should it end before we do


def _open_log(path: Path) -> int:
    fresh = os.O_TRUNC if path.exists() and path.stat().st_size > _LOG_BYTES else 0
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | fresh, 0o600)
