"""Adopts a lost run whose Slurm job survived its supervisor: queues it for a new supervisor, with its job."""

from __future__ import annotations

import os
from dataclasses import replace

from b4r_tui.runs.locks import hold_unless_held
from b4r_tui.runs.records import StatusRecord, write_status
from b4r_tui.runs.state import RunState, is_lost_while_we_hold
from b4r_tui.runs.store import Run
from engine.contract import run_folder


def adopt(run: Run) -> bool:
    """Queue a lost run whose job is alive, unchanged; return whether that was done.

    Raises B4RError where Slurm does not answer, OSError where the run can't be written.
    """
    if run.state is not RunState.LOST or not _has_living_job(run):
        return False
    lock = hold_unless_held(run.dir / run_folder.LOCK)
    if lock is None:
        return False
    try:
        status = run.status()
        if status is None or not is_lost_while_we_hold(run.dir):
            return False
        write_status(run.dir, _waiting(status))
        return True
    finally:
        os.close(lock)


def _has_living_job(run: Run) -> bool:
    """Ask Slurm, only for a run that has a job; imports what that needs only then, to keep the runner small."""
    status = run.status()
    if status is None or status.job is None:
        return False
    from b4r_tui.runs.supervision.backends import slurm

    return slurm.lives(run)


def _waiting(status: StatusRecord) -> StatusRecord:
    return replace(
        status, started_at=None, supervisor_pid=None, supervisor_created=None, waits=None, starts=0
    )
