"""Where the lines of one log end: found block by block, grown with the file, so that any line is read alone.

Files are read by position, not mapped into memory: a mapped file that somebody truncates kills its reader.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from b4r_tui.runs.logs.text import LONGEST_LINE, OpenLine

BLOCK = 4 * 1024 * 1024  # bytes that one `grow` looks at
_BACKWARDS = 64 * 1024
_FINGERPRINT = 64  # bytes before the end of what is known, to notice a file written anew


class LineIndex:
    """The lines of a file. One thread calls `grow`; others may read lines meanwhile.

    A last line without an end is a line too. An index never starts over: where the file was truncated or another took
    its place, `replaced` is true, the lines known are those of the old one, and a new index is due.
    Raises OSError from the start where there is no such file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDONLY)
        self._ends = np.empty(1024, np.int64)  # positions of newlines
        self._ended = 0  # how many of them are known
        self._last = b""
        self.size = 0  # bytes looked at
        self.file_size = 0  # bytes there were at the last look
        self.replaced = False

    def __del__(self) -> None:
        """Close the file when the last who may read from it is gone."""
        if hasattr(self, "_file"):
            os.close(self._file)

    @property
    def complete(self) -> int:
        """Lines that have an end."""
        return self._ended

    @property
    def count(self) -> int:
        """Lines, with the one that has no end yet."""
        return self._ended + (self.size > self._start(self._ended))

    @property
    def drained(self) -> bool:
        """Whether all that is there was looked at."""
        return self.replaced or self.size >= self.file_size

    def grow(self) -> bool:
        """Look at the next block; whether there was one."""
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
        """Where lines first … last - 1 begin, and the byte after each one's text: (lines, 2) int64."""
        starts = np.empty(last - first, np.int64)
        starts[:1] = self._start(first)
        ends, known = self._ends, min(last, self._ended)
        starts[1:] = ends[first : last - 1] + 1
        stops = np.full(last - first, self.size, np.int64)
        stops[: max(0, known - first)] = ends[first:known]
        return np.stack([starts, stops], axis=1)

    def bytes_between(self, start: int, stop: int) -> bytes:
        """A part of the file; shorter where it was truncated."""
        return os.pread(self._file, max(0, stop - start), start)

    def line(self, number: int) -> tuple[bytes, int]:
        """What OpenLine would keep of a line: (bytes kept, bytes there were)."""
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
        """Whether the path leads to another file by now, or to this one written anew."""
        try:
            now = self.path.stat()
        except OSError:
            return False  # it may be on its way back; what was read stays
        known, self.file_size = os.fstat(self._file), now.st_size
        if (now.st_ino, now.st_dev) != (known.st_ino, known.st_dev) or now.st_size < self.size:
            return True
        return self.bytes_between(self.size - len(self._last), self.size) != self._last

    def _add(self, places: np.ndarray) -> None:
        """Note newlines at `places` of the block after `size`."""
        needed = self._ended + len(places)
        if needed > len(self._ends):
            ends = np.empty(max(needed, 2 * len(self._ends)), np.int64)
            ends[: self._ended] = self._ends[: self._ended]
            self._ends = ends
        self._ends[self._ended : needed] = places + self.size
        self._ended = needed

    def _shown_last(self, start: int, stop: int) -> tuple[int, int]:
        """The part of a long line after its last carriage return, those at its end aside."""
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
