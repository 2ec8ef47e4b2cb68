"""Finds the rows of a document that pass a filter or match a search, once, and continues as it grows."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

from b4r_tui.runs.logs.document import Chunk, Document
from b4r_tui.runs.logs.level_scan import LevelScan
from b4r_tui.runs.logs.levels import Level
from b4r_tui.runs.logs.query import Query


@dataclass(frozen=True)
class Filter:
    """A filter of rows: of one log (None: of all), of at least this level, that match the query."""

    source: str | None = None
    level: Level = Level.DEBUG
    query: Query | None = None

    @property
    def shows_all(self) -> bool:
        """Return whether nothing is hidden."""
        return self == Filter()


class Matches:
    """The rows that pass, in order; the first `done` rows are tested."""

    def __init__(self, document: Document, levels: LevelScan, condition: Filter) -> None:
        self._document, self._levels, self._wanted = document, levels, condition
        self._rows = array("q")
        self.done = 0
        self._open: dict[int, int] = {}  # by source, the row that was tested while unterminated

    @property
    def rows(self) -> np.ndarray:
        """Return a copy of the rows found so far: int64."""
        return np.array(self._rows, np.int64)

    def step(self) -> bool:
        """Test the next chunk and return whether there was one."""
        for row in list(self._open.values()):
            self._test_again(row)
        known = self._levels.done if self._wanted.level > Level.DEBUG else self._document.count
        for chunk in self._document.chunks(self.done, known):
            self._rows.extend((self._passing(chunk) + chunk.first).tolist())
            self.done = chunk.first + len(chunk.bounds)
            if not chunk.whole:
                self._open[chunk.source] = self.done - 1
            return True
        return False

    def _passing(self, chunk: Chunk) -> np.ndarray:
        """Return the rows of a chunk that pass, counted from 0."""
        wanted, rows = self._wanted, len(chunk.bounds)
        if wanted.source not in (None, self._document.names[chunk.source]):
            return np.empty(0, np.int64)
        passing = np.arange(rows) if wanted.query is None else wanted.query.rows(self._document, chunk)
        if wanted.level > Level.DEBUG:
            judged = self._levels.is_at_least(chunk.first, chunk.first + rows, wanted.level)
            passing = passing[judged[passing]]
        return passing

    def _test_again(self, row: int) -> None:
        """Test a row again whose line may have grown, until it is terminated."""
        chunk = next(self._document.chunks(row, row + 1))
        if chunk.whole:
            del self._open[chunk.source]
        passes, at = len(self._passing(chunk)) > 0, bisect_left(self._rows, row)
        is_in = at < len(self._rows) and self._rows[at] == row
        if passes and not is_in:
            self._rows.insert(at, row)
        elif is_in and not passes:
            self._rows.pop(at)
