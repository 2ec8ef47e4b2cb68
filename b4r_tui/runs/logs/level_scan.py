"""Determines the levels of all rows of a document once, and continues as it grows."""

from __future__ import annotations

import re

import numpy as np

from b4r_tui.runs.logs.document import Chunk, Document
from b4r_tui.runs.logs.levels import SIGNS, Level, LevelReader
from b4r_tui.runs.logs.text import LONGEST_LINE

HEAD = 0x80  # added to the level of a row that is not a continuation of the one before

_SIGNS = [re.compile(re.escape(sign)) for sign in SIGNS]
_GLOG_LETTERS = np.frombuffer(b"DWEF", np.uint8)


class LevelScan:
    """Levels by row: `levels` (rows,) uint8, of which the first `done` are known."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.levels = np.full(1024, Level.INFO, np.uint8)
        self.done = 0
        self._readers: dict[int, LevelReader] = {}
        self._open: dict[int, int] = {}  # by source, the row that was judged while unterminated

    def step(self) -> bool:
        """Judge the next chunk and return whether there was one."""
        for chunk in self._document.chunks(self.done, self._document.count):
            self._reserve(chunk.first + len(chunk.bounds))
            self._judge(chunk)
            self.done = chunk.first + len(chunk.bounds)
            return True
        return False

    def heads(self, at_least: Level) -> np.ndarray:
        """Return the rows that state a level of at least this one themselves."""
        known = self.levels[: self.done]
        return np.flatnonzero((known & HEAD != 0) & (known & ~np.uint8(HEAD) >= at_least))

    def is_at_least(self, first: int, end: int, level: Level) -> np.ndarray:
        """Return which of some rows have a level of at least this one: (rows,) bool."""
        answer: np.ndarray = self.levels[first:end] & ~np.uint8(HEAD) >= level
        return answer

    def _judge(self, chunk: Chunk) -> None:
        reader = self._readers.setdefault(chunk.source, LevelReader())
        number, candidates = 0, iter(candidate_rows(chunk))
        whole = len(chunk.bounds) - (not chunk.whole)
        while True:
            if not reader.open:
                number = next((each for each in candidates if each >= number), whole)
            if number >= whole:
                break
            self._put(chunk.first + number, reader.read(self._document.line(chunk, number)))
            number += 1
        if not chunk.whole:
            self._open[chunk.source] = chunk.first + whole
            self._put(chunk.first + whole, reader.copy().read(self._document.line(chunk, whole)))

    def judge_again(self) -> None:
        """Judge rows again whose line may have grown; call it whenever the document has grown."""
        for source, row in list(self._open.items()):
            reader = self._readers[source]
            if self._document.is_whole(row):
                del self._open[source]
            else:
                reader = reader.copy()
            self._put(row, reader.read(self._document.text(row)))

    def _put(self, row: int, read: tuple[Level, bool]) -> None:
        level, is_head = read
        self.levels[row] = level | (HEAD if is_head else 0)

    def _reserve(self, rows: int) -> None:
        if rows > len(self.levels):
            levels = np.full(max(rows, 2 * len(self.levels)), Level.INFO, np.uint8)
            levels[: self.done] = self.levels[: self.done]
            self.levels = levels


def candidate_rows(chunk: Chunk) -> list[int]:
    """Return the rows of a chunk, counted from 0, that may state a level; a few too many, never too few."""
    starts = chunk.bounds[:, 0]
    places = [match.start() for sign in _SIGNS for match in sign.finditer(chunk.data)]
    by_sign = np.searchsorted(starts, places, side="right") - 1
    long = np.flatnonzero(chunk.bounds[:, 1] - starts > LONGEST_LINE)
    return [int(row) for row in np.unique(np.concatenate([by_sign, long, _glog(chunk.data, starts)]))]


def _glog(data: bytes, starts: np.ndarray) -> np.ndarray:
    """Return rows that begin like torchrun's lines (`W1125 …`, `[W1125 …`) or with a rank's mark (`[rank0]:`)."""
    text = np.frombuffer(data + b"\n\n", np.uint8)
    first, second = text[np.minimum(starts, len(data))], text[np.minimum(starts + 1, len(data))]
    by_letter = np.isin(first, _GLOG_LETTERS) & (second >= ord("0")) & (second <= ord("9"))
    by_bracket = (first == ord("[")) & (second > ord("9"))
    return np.flatnonzero(by_letter | by_bracket)
