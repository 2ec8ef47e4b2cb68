"""Searches a log for plain text or a regular expression, case-insensitive unless it has capitals (smart case)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from b4r_tui.runs.logs.document import Chunk, Document
from engine.contract.errors import B4RError


@dataclass(frozen=True)
class Query:
    """A search. Raises B4RError if `text` is not a valid regular expression but should be one."""

    text: str
    is_regex: bool = False
    pattern: re.Pattern[str] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        expression = self.text if self.is_regex else re.escape(self.text)
        try:
            pattern = re.compile(expression, self._flags())
        except (re.error, RecursionError, OverflowError) as error:
            raise B4RError(f"'{self.text}' is not a valid regular expression: {error}") from error
        object.__setattr__(self, "pattern", pattern)

    @property
    def any_case(self) -> bool:
        """Return whether case is ignored: if the text has no capitals."""
        letters = re.sub(r"\\.", "", self.text) if self.is_regex else self.text
        return letters == letters.lower()

    def found_in(self, line: str) -> bool:
        """Return whether a line matches."""
        return self.pattern.search(line) is not None

    def spans(self, line: str) -> Iterator[tuple[int, int]]:
        """Yield the spans of the matches in a line."""
        return (match.span() for match in self.pattern.finditer(line) if match.group())

    def rows(self, document: Document, chunk: Chunk) -> np.ndarray:
        """Return the matching rows of a chunk, counted from 0."""
        if not self.is_regex and self.text.isascii() and chunk.is_plain:
            return self._rows_of_plain(chunk)
        lines = document.lines(chunk)
        return np.flatnonzero(np.fromiter(map(self.found_in, lines), bool, len(lines)))

    def _flags(self) -> re.RegexFlag:
        """Return the flags; without non-ASCII letters in the text, `k` must not match the Kelvin sign."""
        flags = re.ASCII if self.text.isascii() and not self.is_regex else re.RegexFlag(0)
        return flags | re.IGNORECASE if self.any_case else flags

    def _rows_of_plain(self, chunk: Chunk) -> np.ndarray:
        """Return the same from the bytes, many times faster."""
        text, data = self.text.encode(), chunk.data.lower() if self.any_case else chunk.data
        places = [match.start() for match in re.finditer(re.escape(text), data)]
        return np.unique(np.searchsorted(chunk.bounds[:, 0], places, side="right") - 1)
