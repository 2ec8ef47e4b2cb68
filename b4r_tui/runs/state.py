"""The state of a run, derived from its folder and never stored."""

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
    """Where a run is in its life. queued: a folder that says so and has not begun; it needs no process.

    lost: it began, nobody holds its lock, and nobody wrote how it ended.
    """

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
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
    """The state of the run in `run_dir` now."""
    status = None
    while True:  # it may move on between two looks: lost is what looks so twice in the same attempt
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
    """Whether a run whose lock we hold ourselves is lost; by its lock alone it would seem to be running."""
    status = read_status(run_dir)
    return status is not None and status.started_at is not None and read_exit(run_dir) is None


def _ended(record: ExitRecord | None) -> RunState | None:
    return _OF_REASON.get(record.reason, RunState.FAILED) if record else None
