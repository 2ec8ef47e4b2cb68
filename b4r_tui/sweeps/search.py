"""Where the points of a sweep come from: a list made before, or someone who learns as it goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from b4r_tui.experiments.sweep_points import Point
from b4r_tui.sweeps.trial import Trial


class Search(Protocol):
    """Chooses points and hears what became of them."""

    planned: bool  # whether the points are all known from the start
    most: int | None  # trials at once; None for as many as the queue has slots
    scouts: bool  # whether the first seed of a point goes ahead, and the others follow where it was not bad

    def known(self) -> list[Point]:
        """Points that were chosen before, whose runs may be there; each is told again where it was not."""

    def next(self) -> Point | None:
        """One more point, None where there is none."""

    def why_prune(self, trial: Trial) -> str | None:
        """Hear of the epochs so far: why to stop the trial, None where it shall go on."""

    def was_pruned(self, point: Point) -> str | None:
        """Why a known point was stopped, None where it was not."""

    def told(self, point: Point) -> bool:
        """Whether a known point is settled for good."""

    def tell(self, trial: Trial) -> None:
        """Hear that the trial is over. One that someone cut short is told nothing of: it may go on some day."""


class PlannedSearch:
    """The points of a grid, or drawn before the sweep starts."""

    planned = True
    most: int | None = None
    scouts = False

    def __init__(self, points: Iterable[Point]) -> None:
        self._points: Iterator[Point] = iter(points)

    def known(self) -> list[Point]:
        """None: the driver looks for runs of each point anyway."""
        return []

    def next(self) -> Point | None:
        """The next of the list."""
        return next(self._points, None)

    def why_prune(self, trial: Trial) -> str | None:
        """Nothing is pruned."""
        return None

    def was_pruned(self, point: Point) -> str | None:
        """Nothing was."""
        return None

    def told(self, point: Point) -> bool:
        """Nothing is known but by its runs."""
        return False

    def tell(self, trial: Trial) -> None:
        """Nothing is learnt."""
