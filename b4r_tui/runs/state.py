"""Derives the state of a run from its folder; it is never stored."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from b4r_tui.runs.locks import is_held
from b4r_tui.runs.records import (
    FAILED,
    FINISHED,
    PRUNED,
    STOPPED,
    TIME_LIMIT,
    ExitRecord,
    read_exit,
    read_status,
)
from engine.contract import run_folder


class RunState(str, Enum):
    """The state of a run. queued: its status says so and it has not started; it needs no process.

    lost: it started, no process holds its lock, and it has no exit record.
    """

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"

    @property
    def ended(self) -> bool:
        """Return whether it is final."""
        return self not in (RunState.QUEUED, RunState.RUNNING)

    def __str__(self) -> str:
        return str(self.value)


_OF_REASON = {
    FINISHED: RunState.FINISHED,
    FAILED: RunState.FAILED,
    STOPPED: RunState.STOPPED,
    TIME_LIMIT: RunState.STOPPED,
    PRUNED: RunState.STOPPED,
}


def read_state(run_dir: Path) -> RunState:
    """Return the state of the run in `run_dir` now."""
    status = None
    while True:  # it may change between two reads: lost is what reads so twice in the same attempt
        before, status = status, read_status(run_dir)
        ended = _ended(read_exit(run_dir))
        if ended:
            return ended
        if status is not None and status.started_at is None:
            return RunState.QUEUED
        if is_held(run_dir / run_folder.LOCK):
            return RunState.RUNNING
        if status == before:
            return RunState.LOST


def is_lost_while_we_hold(run_dir: Path) -> bool:
    """Return whether a run whose lock this process holds is lost; by its lock it would seem to be running."""
    status = read_status(run_dir)
    return status is not None and status.started_at is not None and read_exit(run_dir) is None


def _ended(record: ExitRecord | None) -> RunState | None:
    return _OF_REASON.get(record.reason, RunState.FAILED) if record else None
