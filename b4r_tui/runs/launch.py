"""Launches runs into the queue of their root, and stops runs."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import psutil

from b4r_tui.runs import processes
from b4r_tui.runs.locks import is_held, try_hold
from b4r_tui.runs.preflight.preflight import preflight, record_warnings
from b4r_tui.runs.queue.start_runner import ensure_runner
from b4r_tui.runs.queue_place import Place
from b4r_tui.runs.records import FAILED, STOPPED, ExitRecord, StatusRecord, write_exit
from b4r_tui.runs.state import RunState, is_lost_while_we_hold
from b4r_tui.runs.store import Run, RunStore
from engine.contract import run_folder
from engine.contract.errors import B4RError, ExitCode

if TYPE_CHECKING:
    from engine.contract.config.experiment import Experiment

_CLOCK_STEP = 2.0  # seconds by which a process's creation time seems to move when the clock is set
_PATIENCE = 5.0  # seconds within which a supervisor notes its pid


def launch(
    store: RunStore,
    experiments: Sequence[Experiment],
    after: Sequence[Run] = (),
    priority: float = 0.0,
) -> list[Run]:
    """Queue a run of each experiment, in order, make sure that the root's runner is alive, and return at once.

    after: runs that must finish first. priority: higher starts first. Raises B4RError if the pre-flight refuses an
    experiment, or a folder or process cannot be made; none of the runs then starts.
    """
    warnings = preflight(store.root, experiments)
    place = Place(priority=priority, after=tuple(run.name for run in after)) if after or priority else None
    runs: list[Run] = []
    try:
        for experiment, doubts in zip(experiments, warnings, strict=True):
            runs.append(store.create(experiment, place))
            record_warnings(runs[-1], doubts)
        ensure_runner(store.root)
    except B4RError as error:
        for run in runs:
            withdraw(run, FAILED, error)
        raise
    return runs


def stop(run: Run, wait: float = 0.0) -> None:
    """Stop a run: a queued one at once, a running one by its supervisor, waiting up to `wait` seconds.

    An ended run stays as it is; the leftover processes of a lost one are killed. Raises B4RError if its supervisor does
    not answer.
    """
    _request_stop(run)
    deadline = time.monotonic() + wait
    while not run.state.ended and time.monotonic() < deadline:
        time.sleep(0.05)


def withdraw(run: Run, reason: str = STOPPED, error: B4RError | None = None) -> bool:
    """End a queued run in one step and return whether that was done. A lost one is cleaned up and stays lost."""
    try:
        lock = try_hold(run.dir / run_folder.LOCK)
    except FileNotFoundError:
        return False
    if lock is None:
        return False
    try:
        lost = is_lost_while_we_hold(run.dir)
        if lost or run.state is RunState.QUEUED:
            _cancel_job(run)
        if lost:
            processes.kill_all(lambda: processes.carriers(run.run_id))
        if run.state is not RunState.QUEUED:
            return False
        code, sentence = (int(error.code), error.sentence) if error else (None, None)
        write_exit(run.dir, ExitRecord(reason=reason, ended_at=_now(), code=code, error=sentence))
        return True
    finally:
        os.close(lock)


def _cancel_job(run: Run) -> None:
    """Cancel the Slurm job that a lost supervisor left behind, if any; its ranks get Slurm's grace period to save."""
    status = run.status()
    if status is not None and status.job is not None:
        from b4r_tui.runs.supervision.backends import slurm

        slurm.cancel(run)


def _request_stop(run: Run) -> None:
    """Withdraw the run or signal its supervisor, whichever is possible first: it may just be starting."""
    deadline = time.monotonic() + _PATIENCE
    while not withdraw(run) and not run.state.ended:
        supervisor = _supervisor_of(run.status()) if is_held(run.dir / run_folder.LOCK) else None
        if supervisor is not None:
            supervisor.terminate()
            return
        if time.monotonic() > deadline:
            raise B4RError(f"{run.name}: its supervisor does not answer; try again", ExitCode.ENVIRONMENT)
        time.sleep(0.02)


def _supervisor_of(status: StatusRecord | None) -> psutil.Process | None:
    """Return the supervisor's process, None if its pid is not noted yet, is gone, or belongs to another process."""
    if status is None or status.supervisor_pid is None or status.supervisor_created is None:
        return None
    try:
        process = psutil.Process(status.supervisor_pid)
        same = abs(process.create_time() - status.supervisor_created) < _CLOCK_STEP
        return process if same else None
    except psutil.Error:
        return None


def _now() -> float:
    return round(time.time(), 3)
