"""What people look for in a log: plain words or a regular expression, in any case unless it has capitals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from b4r_tui.runs.logs.document import Chunk, Document
from engine.contract.errors import B4RError


@dataclass(frozen=True)
class Query:
    """A search. Raises B4RError where `text` is meant as a regular expression and is none."""

    text: str
    is_regex: bool = False
    pattern: re.Pattern[str] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        expression = self.text if self.is_regex else re.escape(self.text)
        try:
            pattern = re.compile(expression, self._flags())
        except (re.error, RecursionError, OverflowError) as error:
            raise B4RError(f"'{self.text}' is no regular expression: {error}") from error
        object.__setattr__(self, "pattern", pattern)

    @property
    def any_case(self) -> bool:
        """Whether capitals do not matter: where the text has none."""
        letters = re.sub(r"\\.", "", self.text) if self.is_regex else self.text
        return letters == letters.lower()

    def found_in(self, line: str) -> bool:
        """Whether a line has it."""
        return self.pattern.search(line) is not None

    def spans(self, line: str) -> Iterator[tuple[int, int]]:
        """Where in a line it is."""
        return (found.span() for found in self.pattern.finditer(line) if found.group())

    def rows(self, document: Document, chunk: Chunk) -> np.ndarray:
        """The rows of a chunk, counted from 0, that have it."""
        if not self.is_regex and self.text.isascii() and chunk.is_plain:
            return self._rows_of_plain(chunk)
        lines = document.lines(chunk)
        return np.flatnonzero(np.fromiter(map(self.found_in, lines), bool, len(lines)))

    def _flags(self) -> re.RegexFlag:
        """Without non-ASCII letters in the text, `k` is not to find the Kelvin sign."""
        flags = re.ASCII if self.text.isascii() and not self.is_regex else re.RegexFlag(0)
        return flags | re.IGNORECASE if self.any_case else flags

    def _rows_of_plain(self, chunk: Chunk) -> np.ndarray:
        """The same from the bytes, many times faster."""
        text, data = self.text.encode(), chunk.data.lower() if self.any_case else chunk.data
        places = [found.start() for found in re.finditer(re.escape(text), data)]
        return np.unique(np.searchsorted(chunk.bounds[:, 0], places, side="right") - 1)
