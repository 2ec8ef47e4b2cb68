"""Follows a run and exports its numbers to a tracker: each time all of them, so that a tracker may restart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from b4r_tui.runs.progress import RunWatch
from b4r_tui.runs.store import Run
from b4r_tui.runs.trackers.numbers import Number, numbers_of
from engine.contract.errors import B4RError, ExitCode
from engine.contract.events import Epoch, Test

TRACKERS = ("tensorboard", "mlflow")


class Tracker(Protocol):
    """A program that shows a run's numbers. Both calls may be repeated with the same or more numbers."""

    def put(self, numbers: Sequence[Number]) -> None:
        """Make it contain exactly these numbers of the run, oldest first."""

    def close(self, state: str) -> None:
        """Record the final state of the run."""


def make_tracker(kind: str, run: Run, place: str | None) -> Tracker:
    """Return a tracker of that kind. place: folder or URI; None for the run folder or the runs root.

    Raises B4RError (environment) if its package is missing.
    """
    try:
        if kind == "tensorboard":
            from b4r_tui.runs.trackers.tensorboard import TensorBoard

            return TensorBoard(run, Path(place).expanduser() if place else None)
        from b4r_tui.runs.trackers.mlflow import MLflow

        return MLflow(run, place)
    except ImportError as error:
        raise B4RError(missing(kind, error.name or kind), ExitCode.ENVIRONMENT) from error


def missing(kind: str, package: str) -> str:
    """Return the error sentence for a tracker whose package is missing."""
    return f"{kind} needs the package {package}; pip install 'b4r-tui[{kind}]'"


class Feed:
    """Exports one run to one tracker."""

    def __init__(self, run: Run, tracker: Tracker) -> None:
        self._watch = RunWatch(run)
        self._tracker = tracker
        self._times: dict[int, float] = {}
        self._tested_at = 0.0

    def poll(self) -> bool:
        """Export what is new and return whether the run has ended."""
        self._watch.poll()
        for record in self._watch.new_records:
            if isinstance(record.event, Epoch):
                self._times[record.event.epoch] = record.t
            elif isinstance(record.event, Test):
                self._tested_at = record.t
        if any(isinstance(record.event, Epoch | Test) for record in self._watch.new_records):
            self._tracker.put(numbers_of(self._watch.progress, self._times, self._tested_at))
        return self._watch.state.ended

    def close(self) -> None:
        """Close the tracker with the run's final state."""
        self._tracker.close(str(self._watch.state))
