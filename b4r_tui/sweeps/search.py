"""Where the points of a sweep come from: a fixed plan, or a search that learns from results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from b4r_tui.experiments.sweep_points import Point
from b4r_tui.sweeps.trial import Trial


class Search(Protocol):
    """Chooses points and receives their results."""

    planned: bool  # whether all points are known from the start
    most: int | None  # parallel trials; None: as many as the queue has slots
    scouts: bool  # whether the first seed of a point runs first, and the others only if it is not pruned

    def known(self) -> list[Point]:
        """Return the points chosen earlier, whose runs may exist; results not reported yet are reported again."""

    def next(self) -> Point | None:
        """Return one more point, None if there is none."""

    def why_prune(self, trial: Trial) -> str | None:
        """Return why to stop the trial, judged by its epochs so far; None if it should continue."""

    def was_pruned(self, point: Point) -> str | None:
        """Return why a known point was pruned, None if it was not."""

    def is_settled(self, point: Point) -> bool:
        """Return whether the result of a known point is final."""

    def report(self, trial: Trial) -> None:
        """Receive the result of a trial that is over. A trial that a user stopped is ignored: it may be resumed."""


class PlannedSearch:
    """The points of a grid, or of a random sample drawn before the sweep starts."""

    planned = True
    most: int | None = None
    scouts = False

    def __init__(self, points: Iterable[Point]) -> None:
        self._points: Iterator[Point] = iter(points)

    def known(self) -> list[Point]:
        """Return nothing: the driver looks for runs of each point anyway."""
        return []

    def next(self) -> Point | None:
        """Return the next point of the plan."""
        return next(self._points, None)

    def why_prune(self, trial: Trial) -> str | None:
        """Return None: nothing is pruned."""
        return None

    def was_pruned(self, point: Point) -> str | None:
        """Return None: nothing was pruned."""
        return None

    def is_settled(self, point: Point) -> bool:
        """Return False: only the runs of a point show whether it is done."""
        return False

    def report(self, trial: Trial) -> None:
        """Do nothing: a plan does not learn."""
