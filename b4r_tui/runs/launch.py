"""Starts runs, one detached supervisor each, and asks them to stop."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

import psutil

from b4r_tui.preflight.run import preflight, tell
from b4r_tui.runs.locks import hold, is_held
from b4r_tui.runs.records import FAILED, STOPPED, ExitRecord, StatusRecord, write_exit
from b4r_tui.runs.store import Run, RunStore
from engine.config import Experiment
from engine.errors import B4RError, ExitCode

_CLOCK_STEP = 2.0  # seconds by which the same process's creation time may seem to move when the clock is set


def launch(store: RunStore, experiments: Sequence[Experiment]) -> list[Run]:
    """Make a run of each experiment, in order, and start its supervisor; returns at once.

    The supervisors take turns by themselves. Raises B4RError where the pre-flight refuses an experiment, or a
    folder or process cannot be made; none of the runs then goes on.
    """
    warnings = preflight(store.root, experiments)
    runs: list[Run] = []
    try:
        for experiment, doubts in zip(experiments, warnings, strict=True):
            runs.append(store.create(experiment))
            tell(runs[-1], doubts)
            start_supervisor(runs[-1], hold(runs[-1].dir / "lock"))
    except B4RError:
        for run in runs:
            stop(run)
        raise
    return runs


def stop(run: Run, wait: float = 0.0) -> None:
    """Ask the run's supervisor to stop it, and wait up to `wait` seconds until it has.

    A run that nobody supervises yet is marked as stopped; one that has ended is left as it is.
    """
    if run.state.ended:
        return
    if is_held(run.dir / "lock"):
        _signal_supervisor(run)
    else:
        write_exit(run.dir, ExitRecord(reason=STOPPED, ended_at=time.time()))
    deadline = time.monotonic() + wait
    while not run.state.ended and time.monotonic() < deadline:
        time.sleep(0.05)


def start_supervisor(run: Run, lock: int) -> None:
    """Start the supervisor and hand it the held lock, so that the run is never without a sign of life.

    lock: its file descriptor, closed here. Raises B4RError where no process can be made; the run then has failed.
    """
    command = [sys.executable, "-m", "b4r_tui.runs.supervisor", str(run.dir), "--lock-fd", str(lock)]
    log = os.open(run.log_path(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[lock], start_new_session=True
        )
    except OSError as error:
        sentence = f"no supervisor could be started: {error.strerror or error}"
        write_exit(run.dir, ExitRecord(reason=FAILED, ended_at=time.time(), code=3, error=sentence))
        raise B4RError(f"{run.experiment}: {sentence}", ExitCode.ENVIRONMENT) from error
    finally:
        os.close(log)
        os.close(lock)
    threading.Thread(target=process.wait, daemon=True).start()  # reaps it, should it end before we do


def _signal_supervisor(run: Run, patience: float = 5.0) -> None:
    """SIGTERM to the supervisor, once it has said who it is; waits up to `patience` seconds for that."""
    deadline = time.monotonic() + patience
    while not run.state.ended:
        supervisor = _supervisor_of(run.status())
        if supervisor is not None:
            supervisor.terminate()
            return
        if time.monotonic() > deadline:
            raise B4RError(
                f"{run.experiment}/{run.run_id}: its supervisor does not answer", ExitCode.ENVIRONMENT
            )
        time.sleep(0.02)


def _supervisor_of(status: StatusRecord | None) -> psutil.Process | None:
    """The supervisor's process, or None where it has not said yet, is gone, or its pid is now another's."""
    if status is None or status.supervisor_pid is None or status.supervisor_created is None:
        return None
    try:
        process = psutil.Process(status.supervisor_pid)
        same = abs(process.create_time() - status.supervisor_created) < _CLOCK_STEP
        return process if same else None
    except psutil.Error:
        return None
