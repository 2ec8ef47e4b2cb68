"""Merges several logs into one document of rows: each log in its own order, later lines below."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from b4r_tui.runs.logs.index import LineIndex
from b4r_tui.runs.logs.text import LONGEST_LINE, is_plain, readable

CHUNK = 256 * 1024  # bytes that are searched at once; other work waits that long at most


@dataclass(frozen=True)
class Chunk:
    """Adjacent rows of one log. bounds: (rows, 2), start and end of each in `data`."""

    first: int
    source: int
    data: bytes
    bounds: np.ndarray
    whole: bool  # the last row is terminated

    @property
    def is_plain(self) -> bool:
        """Return whether the rows are plain ASCII, and short enough to be shown uncut."""
        lengths = self.bounds[:, 1] - self.bounds[:, 0]
        return is_plain(self.data) and int(lengths.max(initial=0)) <= LONGEST_LINE


@dataclass(frozen=True)
class _Stretch:
    """A stretch of rows: from `first` on, they are the lines of `source` from `line` on."""

    first: int
    source: int
    line: int


class Document:
    """The rows of some logs. One thread calls `grow`; others may read rows meanwhile.

    paths: returns the logs that exist now; later calls may add some.
    """

    def __init__(self, paths: Callable[[], Sequence[Path]]) -> None:
        self._paths = paths
        self.sources: list[LineIndex] = []
        self._taken: list[int] = []  # lines of each source that are rows
        self._stretches: list[_Stretch] = []
        self._firsts: list[int] = []
        self.count = 0
        self.replaced = False

    @property
    def names(self) -> list[str]:
        """Return the names of the logs as shown: `launcher`, `rank 0`."""
        return [index.path.stem.replace("_", " ") for index in self.sources]

    @property
    def drained(self) -> bool:
        """Return whether everything was read."""
        return all(index.drained for index in self.sources)

    @property
    def share_read(self) -> float:
        """Return the fraction of bytes that was read."""
        total = sum(index.file_size for index in self.sources)
        return min(1.0, sum(index.size for index in self.sources) / total) if total else 1.0

    def grow(self) -> bool:
        """Read the next block of the first log that has one, and return whether there was one."""
        self._find()
        for source, index in enumerate(self.sources):
            grew = index.grow()
            self.replaced |= index.replaced
            if grew:
                self._take(source)
                return True
        return False

    def place(self, row: int) -> tuple[int, int]:
        """Return the source and the line of a row."""
        stretch = self._stretches[bisect_right(self._firsts, row) - 1]
        return stretch.source, stretch.line + row - stretch.first

    def is_whole(self, row: int) -> bool:
        """Return whether a row's line is terminated."""
        source, line = self.place(row)
        return line < self.sources[source].complete

    def text(self, row: int) -> str:
        """Return the text of a row, safe to print; empty if the file was deleted."""
        source, line = self.place(row)
        return readable(*self.sources[source].line(line))

    def rows_of(self, source: int) -> np.ndarray:
        """Return the rows of one log, in order."""
        spans = [
            np.arange(stretch.first, end)
            for stretch, end in zip(self._stretches, [*self._firsts[1:], self.count], strict=True)
            if stretch.source == source
        ]
        return np.concatenate(spans) if spans else np.empty(0, np.int64)

    def chunks(self, first: int, end: int) -> Iterator[Chunk]:
        """Yield rows first … end - 1, in order, in chunks of about 256 KiB."""
        while first < end:
            chunk = self._chunk(first, end)
            yield chunk
            first += len(chunk.bounds)

    def lines(self, chunk: Chunk) -> list[str]:
        """Return the rows of a chunk as text, as `text` does."""
        if chunk.is_plain:
            return [chunk.data[start:stop].decode("ascii") for start, stop in chunk.bounds.tolist()]
        return [self.line(chunk, number) for number in range(len(chunk.bounds))]

    def line(self, chunk: Chunk, number: int) -> str:
        """Return one row of a chunk as text."""
        start, stop = chunk.bounds[number].tolist()
        if stop - start <= LONGEST_LINE and b"\r" not in (raw := chunk.data[start:stop]):
            return readable(raw, len(raw))
        return self.text(chunk.first + number)

    def _chunk(self, first: int, end: int) -> Chunk:
        at = bisect_right(self._firsts, first) - 1
        stretch = self._stretches[at]
        last = min(end, self._firsts[at + 1] if at + 1 < len(self._firsts) else end)
        line, index = stretch.line + first - stretch.first, self.sources[stretch.source]
        bounds = index.bounds(line, line + min(last - first, CHUNK // 8))
        fitting = int(np.searchsorted(bounds[:, 1], bounds[0, 0] + CHUNK, side="right"))
        bounds = bounds[: max(1, fitting)]
        start = int(bounds[0, 0])
        data = index.bytes_between(start, min(int(bounds[-1, 1]), start + CHUNK))
        whole = line + len(bounds) <= index.complete
        return Chunk(first, stretch.source, data, bounds - start, whole)

    def _find(self) -> None:
        """Add logs that were created since."""
        known = {index.path for index in self.sources}
        for path in self._paths():
            if path not in known:
                try:
                    self.sources.append(LineIndex(path))
                except OSError:  # deleted again, or not readable
                    continue
                self._taken.append(0)

    def _take(self, source: int) -> None:
        """Append the new lines of a source as rows."""
        lines, taken = self.sources[source].count, self._taken[source]
        if lines == taken:
            return
        if not self._stretches or self._stretches[-1].source != source:
            self._stretches.append(_Stretch(self.count, source, taken))
            self._firsts.append(self.count)
        self._taken[source] = lines
        self.count += lines - taken
