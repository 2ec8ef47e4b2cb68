"""Starts the runner of a runs root, unless one is alive."""

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

_DROPPED_VARIABLES = (
    RUN_ID_VARIABLE,
    "B4R_RUN_DIR",
    "B4R_CPUS",
    "CUDA_VISIBLE_DEVICES",
)  # they belong to a run or a shell, not to the runner
_LOG_BYTES = 1 << 20
_REVIVE_SECONDS = 1.0


def is_runner_alive(root: Path) -> bool:
    """Return whether a runner holds the root's lock."""
    return is_held(root / QUEUE_FOLDER / "runner.lock")


def ensure_runner(root: Path) -> None:
    """Wake the root's runner, or start one in its own session; call it after the runs are written.

    If several start at once, one stays. Raises B4RError if no process can be started.
    """
    try:
        wake(root)
        if not is_runner_alive(root):
            _start_runner(root)
    except OSError as error:
        sentence = f"{root}: cannot start a runner: {error.strerror or error}"
        raise B4RError(sentence, ExitCode.ENVIRONMENT) from error


class RunnerWatch:
    """Revives a root's runner, which may be killed, for programs that wait for its runs."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._not_before = 0.0

    def revive(self, states: Iterable[RunState]) -> None:
        """Start a runner if none is alive while runs run, or wait in a queue that is not paused; once per second."""
        now = time.monotonic()
        if now < self._not_before:
            return
        self._not_before = now + _REVIVE_SECONDS
        present = set(states)
        waits = RunState.QUEUED in present and not read_settings(self._root).paused
        if (waits or RunState.RUNNING in present) and not is_runner_alive(self._root):
            ensure_runner(self._root)


def _start_runner(root: Path) -> None:
    command = [sys.executable, "-m", "b4r_tui.runs.queue.runner", str(root.absolute())]
    env = {name: value for name, value in os.environ.items() if name not in _DROPPED_VARIABLES}
    log = _open_log(queue_folder(root) / "runner.log")
    try:
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    finally:
        os.close(log)
    threading.Thread(target=process.wait, daemon=True).start()  # reaps it, if it ends before this process


def _open_log(path: Path) -> int:
    fresh = os.O_TRUNC if path.exists() and path.stat().st_size > _LOG_BYTES else 0
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | fresh, 0o600)
