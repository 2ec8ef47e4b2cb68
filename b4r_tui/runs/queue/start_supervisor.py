"""Starts the supervisor of a queued run so that, whichever process dies when, it starts once or stays queued."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time

from b4r_tui.common.machine import CPUS_VARIABLE
from b4r_tui.runs.launch_environment import supervisor_environment
from b4r_tui.runs.locks import try_hold
from b4r_tui.runs.queue.slots import Slots
from b4r_tui.runs.records import FAILED, ExitRecord, StatusRecord, write_exit, write_status
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run
from engine.contract import run_folder

STARTS = 3  # supervisors that may die at the start before the run counts as failed


def start_supervisor(run: Run, slots: Slots, is_remote: bool) -> subprocess.Popen[bytes] | None:
    """Give the run its slots and a supervisor, which inherits the held lock; return None if it is not queued any more.

    The run counts as queued until its supervisor notes its pid: if this process or that one dies before, the lock is
    released and the next runner starts it. Raises OSError if no file or process can be made; the run stays queued.
    """
    lock = _lock(run)
    if lock is None:
        return None
    try:
        status = run.status()
        if status is None or run.exit() is not None or status.started_at is not None:
            return None
        given = dataclasses.replace(
            status,
            supervisor_pid=None,
            supervisor_created=None,
            cpus=slots.cpus,
            gpus=slots.gpus,
            starts=status.starts + 1,
        )
        write_status(run.dir, given)
        return _spawn(run, given, lock, is_remote)
    finally:
        os.close(lock)


def give_up(run: Run, sentence: str, code: int) -> bool:
    """Mark a queued run as failed, with the reason; return whether it was still queued. Raises OSError."""
    lock = _lock(run)
    if lock is None:
        return False
    try:
        if run.state is not RunState.QUEUED:
            return False
        write_exit(
            run.dir, ExitRecord(reason=FAILED, ended_at=round(time.time(), 3), code=code, error=sentence)
        )
        return True
    finally:
        os.close(lock)


def _lock(run: Run) -> int | None:
    """Take the run's lock; None where it is held or the folder was deleted."""
    try:
        return try_hold(run.dir / run_folder.LOCK)
    except FileNotFoundError:
        return None


def _spawn(run: Run, status: StatusRecord, lock: int, is_remote: bool) -> subprocess.Popen[bytes]:
    python = status.python if status.python and os.access(status.python, os.X_OK) else sys.executable
    command = [python, "-m", "b4r_tui.runs.supervision.supervisor", str(run.dir), "--lock-fd", str(lock)]
    env = supervisor_environment(status.env)
    if not is_remote:
        env |= {CPUS_VARIABLE: str(status.cpus), "CUDA_VISIBLE_DEVICES": ",".join(status.gpus)}
    run.log_path().parent.mkdir(mode=0o700, exist_ok=True)
    log = os.open(run.log_path(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[lock],
            start_new_session=True,
        )
    finally:
        os.close(log)
