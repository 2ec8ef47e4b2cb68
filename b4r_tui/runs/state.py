"""The state of a run, derived from its folder and never stored."""

from __future__ import annotations

import time
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

LAUNCH_SECONDS = 10.0  # a folder younger than this may still be waiting for its supervisor


class RunState(str, Enum):
    """Where a run is in its life. lost: it began, nobody holds its lock, and nobody wrote how it ended."""

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
    ended = _ended(read_exit(run_dir))
    if ended:
        return ended
    held = is_held(run_dir / "lock")
    status = read_status(run_dir)
    started = status is not None and status.started_at is not None
    if held:
        return RunState.RUNNING if started else RunState.QUEUED
    ended = _ended(read_exit(run_dir))  # it may have ended between the first look and the probe
    if ended:
        return ended
    fresh = status is not None and not started and time.time() - status.queued_at < LAUNCH_SECONDS
    return RunState.QUEUED if fresh else RunState.LOST


def _ended(record: ExitRecord | None) -> RunState | None:
    return _OF_REASON.get(record.reason, RunState.FAILED) if record else None
