"""Indexes the line ends of one log block by block, as the file grows, so that any line can be read alone.

Files are read by position, not mapped into memory: a mapped file that is truncated kills its reader.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from b4r_tui.runs.logs.text import LONGEST_LINE, OpenLine

BLOCK = 4 * 1024 * 1024  # bytes that one `grow` reads
_BACKWARDS = 64 * 1024
_FINGERPRINT = 64  # bytes before the end of what was read, to notice a rewritten file


class LineIndex:
    """The lines of a file. One thread calls `grow`; others may read lines meanwhile.

    A last, unterminated line is a line too. An index never restarts: if the file was truncated or replaced, `replaced`
    is true, the known lines are those of the old file, and a new index is needed. The constructor raises OSError if
    there is no such file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDONLY)
        self._ends = np.empty(1024, np.int64)  # positions of newlines
        self._ended = 0  # how many of them are known
        self._last = b""
        self.size = 0  # bytes read
        self.file_size = 0  # bytes of the file at the last read
        self.replaced = False

    def __del__(self) -> None:
        """Close the file with its last reader."""
        if hasattr(self, "_file"):
            os.close(self._file)

    @property
    def complete(self) -> int:
        """Return the number of terminated lines."""
        return self._ended

    @property
    def count(self) -> int:
        """Return the number of lines, with the unterminated one."""
        return self._ended + (self.size > self._start(self._ended))

    @property
    def drained(self) -> bool:
        """Return whether everything was read."""
        return self.replaced or self.size >= self.file_size

    def grow(self) -> bool:
        """Read the next block and return whether there was one."""
        if self.replaced or self._was_replaced():
            self.replaced = True
            return False
        block = os.pread(self._file, min(BLOCK, self.file_size - self.size), self.size)
        if not block:
            return False
        self._add(np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")))
        self._last = (self._last + block[-_FINGERPRINT:])[-_FINGERPRINT:]
        self.size += len(block)
        return True

    def bounds(self, first: int, last: int) -> np.ndarray:
        """Return the start of lines first … last - 1, and the byte after each one's text: (lines, 2) int64."""
        starts = np.empty(last - first, np.int64)
        starts[:1] = self._start(first)
        ends, known = self._ends, min(last, self._ended)
        starts[1:] = ends[first : last - 1] + 1
        stops = np.full(last - first, self.size, np.int64)
        stops[: max(0, known - first)] = ends[first:known]
        return np.stack([starts, stops], axis=1)

    def bytes_between(self, start: int, stop: int) -> bytes:
        """Return a part of the file, shorter if it was truncated."""
        return os.pread(self._file, max(0, stop - start), start)

    def line(self, number: int) -> tuple[bytes, int]:
        """Return a line as OpenLine does: (retained bytes, number of bytes)."""
        start, stop = (int(place) for place in self.bounds(number, number + 1)[0])
        if stop - start > LONGEST_LINE:
            start, stop = self._shown_last(start, stop)
            return self.bytes_between(start, min(stop, start + LONGEST_LINE)), stop - start
        line = OpenLine()
        line.feed(self.bytes_between(start, stop))
        return line.take()

    def _start(self, number: int) -> int:
        return int(self._ends[number - 1]) + 1 if number else 0

    def _was_replaced(self) -> bool:
        """Return whether the path now is another file, or this one was rewritten."""
        try:
            now = self.path.stat()
        except OSError:
            return False  # it may come back; what was read stays
        known, self.file_size = os.fstat(self._file), now.st_size
        if (now.st_ino, now.st_dev) != (known.st_ino, known.st_dev) or now.st_size < self.size:
            return True
        return self.bytes_between(self.size - len(self._last), self.size) != self._last

    def _add(self, places: np.ndarray) -> None:
        """Record newlines at `places` of the block after `size`."""
        needed = self._ended + len(places)
        if needed > len(self._ends):
            ends = np.empty(max(needed, 2 * len(self._ends)), np.int64)
            ends[: self._ended] = self._ends[: self._ended]
            self._ends = ends
        self._ends[self._ended : needed] = places + self.size
        self._ended = needed

    def _shown_last(self, start: int, stop: int) -> tuple[int, int]:
        """Return the part of a long line after its last carriage return, ignoring those at its end."""
        position, end = stop, None
        while position > start:
            begin = max(start, position - _BACKWARDS)
            block = self.bytes_between(begin, position)
            if end is None:
                shown = len(block.rstrip(b"\r"))
                end = begin + shown if shown else None
                block = block[:shown]
            returned = block.rfind(b"\r")
            if returned >= 0 and end is not None:
                return begin + returned + 1, end
            position = begin
        return start, start if end is None else end
