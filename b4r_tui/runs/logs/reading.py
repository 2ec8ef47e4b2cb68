"""Reads a run's logs in short steps: indexing, levels, filtering, searching.

A worker thread calls `work`; the screen sets a `wish` and shows the pages it gets.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from b4r_tui.runs.logs.document import Document
from b4r_tui.runs.logs.level_scan import LevelScan
from b4r_tui.runs.logs.matches import Filter, Matches
from b4r_tui.runs.logs.query import Query

NONE = np.empty(0, np.int64)


@dataclass(frozen=True)
class Wish:
    """What the screen wants: the filter of rows, and the search in them."""

    shown: Filter = field(default_factory=Filter)
    searched: Query | None = None


@dataclass(frozen=True)
class Page:
    """The result so far. rows: those shown, None for all `count`; hits: those of them that match."""

    document: Document
    levels: LevelScan
    wish: Wish
    count: int
    rows: np.ndarray | None
    hits: np.ndarray
    share_read: float
    share_filtered: float
    share_searched: float

    @property
    def shown(self) -> int:
        """Return the number of rows shown."""
        return self.count if self.rows is None else len(self.rows)

    def row_at(self, position: int) -> int:
        """Return the row shown at a position."""
        return position if self.rows is None else int(self.rows[position])

    def position_of(self, row: int) -> int:
        """Return the position of a row, or of the first shown one after it."""
        return row if self.rows is None else int(np.searchsorted(self.rows, row))

    def shown_of(self, rows: np.ndarray) -> np.ndarray:
        """Return those of some rows that are shown."""
        return rows if self.rows is None else np.intersect1d(rows, self.rows, assume_unique=True)


class Reading:
    """Reads the logs of `paths` from their start, and again from the start if one was replaced."""

    def __init__(self, paths: Callable[[], Sequence[Path]]) -> None:
        self._paths = paths
        self._wish = Wish()
        self._begin()

    def wish(self, wish: Wish) -> None:
        """Set what to show and search from now on; any thread may call it."""
        self._wish = wish

    def work(self, seconds: float) -> bool:
        """Work for about so long and return whether anything was done."""
        until, worked = time.monotonic() + seconds, self._apply(self._wish)
        while self._step():
            worked = True
            if time.monotonic() >= until:
                break
        return worked

    def page(self) -> Page:
        """Return the result so far."""
        count = self._document.count
        rows = None if self._shown is None else self._shown.rows
        hits = NONE if self._hits is None else self._hits.rows
        return Page(
            document=self._document,
            levels=self._levels,
            wish=self._current_wish,
            count=count,
            rows=rows,
            hits=hits if rows is None else np.intersect1d(hits, rows, assume_unique=True),
            share_read=self._document.share_read,
            share_filtered=_share(self._shown, count),
            share_searched=_share(self._hits, count),
        )

    def _begin(self) -> None:
        self._document = Document(self._paths)
        self._levels = LevelScan(self._document)
        self._current_wish = Wish()
        self._shown: Matches | None = None
        self._hits: Matches | None = None

    def _apply(self, wish: Wish) -> bool:
        """Apply a wish and return whether it is new."""
        if self._document.replaced:
            self._begin()
        before, self._current_wish = self._current_wish, wish
        if wish.shown != before.shown:
            self._shown = None if wish.shown.shows_all else self._matches(wish.shown)
        if wish.searched != before.searched:
            self._hits = None if wish.searched is None else self._matches(Filter(query=wish.searched))
        return wish != before

    def _matches(self, wanted: Filter) -> Matches:
        return Matches(self._document, self._levels, wanted)

    def _step(self) -> bool:
        """Do the most urgent step and return whether there was one."""
        if self._document.grow():
            self._levels.judge_again()  # before filters use those levels
            return True
        if self._document.replaced:
            return False
        return any(task is not None and task.step() for task in (self._hits, self._shown, self._levels))


def _share(matches: Matches | None, count: int) -> float:
    return min(1.0, matches.done / count) if matches and count else 1.0
