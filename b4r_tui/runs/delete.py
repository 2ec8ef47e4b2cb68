"""Deletes the folder of a run, in one step for everybody who lists runs."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from b4r_tui.runs import processes
from b4r_tui.runs.locks import try_hold
from b4r_tui.runs.queue_place import editing, queue_folder, read_place
from b4r_tui.runs.queue_settings import wake
from b4r_tui.runs.store import Run, RunStore
from engine.contract import run_folder
from engine.contract.errors import B4RError, ExitCode

TRASH = "trash-"  # in the queue's folder; the next runner removes leftovers
_PATIENCE = 2.0  # seconds for a supervisor that has written exit.json to exit


def delete(run: Run) -> None:
    """Move an ended or queued run out of the root, then remove its files.

    Raises B4RError if it is running, or if other runs wait for it.
    """
    root = run.dir.parent.parent
    try:
        with editing(root):
            _check_not_awaited(run, root)
            gone = _move_aside(run, root)
        shutil.rmtree(gone, ignore_errors=True)
        wake(root)
    except OSError as error:
        raise B4RError(
            f"{error.filename or run.dir}: {error.strerror or error}; {run.name} was not deleted",
            ExitCode.ENVIRONMENT,
        ) from error


def _check_not_awaited(run: Run, root: Path) -> None:
    for other in RunStore(root).runs():
        if run.name in read_place(other.dir).after and not other.state.ended:
            raise B4RError(f"{other.name} waits for {run.name}; stop or delete {other.name} first")


def _move_aside(run: Run, root: Path) -> Path:
    """Move the folder while holding the run's lock, which a runner or a resume would need."""
    lock = _lock(run)
    try:
        processes.kill_all(lambda: processes.carriers(run.run_id))  # of a lost run
        gone = queue_folder(root) / f"{TRASH}{run.run_id}"
        run.dir.rename(gone)
        return gone
    finally:
        os.close(lock)


def _lock(run: Run) -> int:
    deadline = time.monotonic() + _PATIENCE
    while (lock := try_hold(run.dir / run_folder.LOCK)) is None:
        if not run.state.ended and time.monotonic() > deadline - _PATIENCE / 2:
            raise B4RError(f"{run.name} is {run.state}; stop it first")
        if time.monotonic() > deadline:
            raise B4RError(f"{run.name} is still shutting down; try again")
        time.sleep(0.02)
    return lock
