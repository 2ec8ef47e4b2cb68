"""The budget of a sweep: how many runs it may start, and how long they may take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from b4r_tui.runs.records import read_exit, read_status
from b4r_tui.runs.store import Run
from engine.contract import run_folder

Span = tuple[float, float]


@dataclass(frozen=True)
class Budget:
    """seconds: total run time; runs: number of runs ever started. None: unlimited."""

    seconds: float | None = None
    runs: int | None = None

    def allows(self, new: int, runs: Iterable[Run], now: float) -> bool:
        """Return whether `new` more runs may start after the runs of the sweep so far. now: Unix seconds."""
        there = list(runs)
        if self.runs is not None and sum(map(_counts, there)) + new > self.runs:
            return False
        return self.seconds is None or covered(_all_spans(there, now)) < self.seconds


def covered(spans: Iterable[Span]) -> float:
    """Return the seconds covered by at least one span: parallel runs count once, waiting does not count."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def spans_of(run: Run, now: float) -> list[Span]:
    """Return start and end of each attempt of a run; an attempt that is running ends `now`."""
    attempts = sorted((run.dir / run_folder.ATTEMPTS).glob("*"))
    return [span for folder in (*attempts, run.dir) for span in _span(folder, now)]


def _all_spans(runs: Iterable[Run], now: float) -> list[Span]:
    return [span for run in runs for span in spans_of(run, now)]


def _span(folder: Path, now: float) -> list[Span]:
    status, ended = read_status(folder), read_exit(folder)
    if status is None or status.started_at is None:
        return []
    return [(status.started_at, max(status.started_at, ended.ended_at if ended else now))]


def _counts(run: Run) -> bool:
    """Return whether the run ever started, or still may."""
    return bool(spans_of(run, 0.0)) or not run.state.ended
