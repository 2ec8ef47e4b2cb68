"""All work on a run's logs that takes time, in short steps: indexing, levels, filtering, searching.

A worker thread calls `work`; the screen asks by `wish` and shows the pages it is given.
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
    """What is to be shown, and what is searched in it."""

    shown: Filter = field(default_factory=Filter)
    searched: Query | None = None


@dataclass(frozen=True)
class Page:
    """What is known at one moment. rows: those shown, None for all `count`; hits: those of them that match."""

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
        """How many rows are shown."""
        return self.count if self.rows is None else len(self.rows)

    def row_at(self, position: int) -> int:
        """The row shown at a position."""
        return position if self.rows is None else int(self.rows[position])

    def position_of(self, row: int) -> int:
        """Where a row is shown, or where the first one after it is."""
        return row if self.rows is None else int(np.searchsorted(self.rows, row))

    def shown_of(self, rows: np.ndarray) -> np.ndarray:
        """Those of some rows that are shown."""
        return rows if self.rows is None else np.intersect1d(rows, self.rows, assume_unique=True)


class Reading:
    """The logs that `paths` gives, read from their start, and from it again where one was replaced."""

    def __init__(self, paths: Callable[[], Sequence[Path]]) -> None:
        self._paths = paths
        self._wish = Wish()
        self._begin()

    def wish(self, wish: Wish) -> None:
        """Show and search something else from now on; may be called by any thread."""
        self._wish = wish

    def work(self, seconds: float) -> bool:
        """Work for about so long; whether anything came of it. False: there is nothing to do."""
        until, worked = time.monotonic() + seconds, self._take_up(self._wish)
        while self._step():
            worked = True
            if time.monotonic() >= until:
                break
        return worked

    def page(self) -> Page:
        """What is known now."""
        count = self._document.count
        rows = None if self._shown is None else self._shown.rows
        hits = NONE if self._hits is None else self._hits.rows
        return Page(
            document=self._document,
            levels=self._levels,
            wish=self._taken_up,
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
        self._taken_up = Wish()
        self._shown: Matches | None = None
        self._hits: Matches | None = None

    def _take_up(self, wish: Wish) -> bool:
        """Begin with what is newly wished; whether there is such."""
        if self._document.replaced:
            self._begin()
        before, self._taken_up = self._taken_up, wish
        if wish.shown != before.shown:
            self._shown = None if wish.shown.shows_all else self._matches(wish.shown)
        if wish.searched != before.searched:
            self._hits = None if wish.searched is None else self._matches(Filter(query=wish.searched))
        return wish != before

    def _matches(self, wanted: Filter) -> Matches:
        return Matches(self._document, self._levels, wanted)

    def _step(self) -> bool:
        """Do the most urgent thing; whether there was one."""
        if self._document.grow():
            self._levels.judge_again()  # before filters look at those levels
            return True
        if self._document.replaced:
            return False
        return any(task is not None and task.step() for task in (self._hits, self._shown, self._levels))


def _share(matches: Matches | None, count: int) -> float:
    return min(1.0, matches.done / count) if matches and count else 1.0
