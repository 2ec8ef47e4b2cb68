"""Reads a growing log: complete lines only, safe for a terminal, whatever a program wrote into it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from b4r_tui.runs.logs.text import OpenLine, readable

READ_AT_ONCE = 4 * 1024 * 1024  # bytes a poll reads at most
_BLOCK = 64 * 1024


class LogTail:
    """Follows a log file from its last lines on (`last_lines`; None: from its start).

    The file may be missing, truncated, replaced, not UTF-8, or written in fragments.
    """

    def __init__(self, path: Path, last_lines: int | None = None) -> None:
        self._path = path
        self._last_lines = last_lines
        self._offset = 0
        self._inode: int | None = None
        self._line = OpenLine()
        self.drained = False

    def poll(self) -> list[str]:
        """Return new complete lines, at most 4 MiB; `drained` is whether that was everything."""
        try:
            with self._path.open("rb") as file:
                self._place(file)
                data = file.read(READ_AT_ONCE)
                self._offset = file.tell()
                self.drained = self._offset >= os.fstat(file.fileno()).st_size
        except OSError:
            self.drained = True
            return []
        return [readable(*raw) for raw in self._line.feed(data)]

    def flush(self) -> list[str]:
        """Return the last, unterminated line, if there is one."""
        raw = self._line.take()
        return [readable(*raw)] if raw[0] else []

    def _place(self, file: BinaryIO) -> None:
        """Seek to where reading continues: to the start if the file was replaced or truncated."""
        stat = os.fstat(file.fileno())
        if self._inode is None and self._last_lines is not None:
            self._offset = offset_of_last_lines(file, stat.st_size, self._last_lines)
        elif (self._inode is not None and stat.st_ino != self._inode) or stat.st_size < self._offset:
            self._offset, self._line = 0, OpenLine()
        self._inode = stat.st_ino
        file.seek(self._offset)


def offset_of_last_lines(file: BinaryIO, size: int, count: int) -> int:
    """Return the offset of the last `count` lines of a file of `size` bytes, read from the end in blocks."""
    if count <= 0 or not size:
        return size
    file.seek(size - 1)
    wanted = count + (file.read(1) == b"\n")
    end = size
    while end > 0:
        start = max(0, end - _BLOCK)
        file.seek(start)
        block = file.read(end - start)
        newlines = block.count(b"\n")
        if newlines >= wanted:
            return start + _start_of_last(block, wanted)
        wanted -= newlines
        end = start
    return 0


def _start_of_last(block: bytes, wanted: int) -> int:
    """Return the offset after the `wanted`-th newline from the end of `block`."""
    position = len(block)
    for _ in range(wanted):
        position = block.rfind(b"\n", 0, position)
    return position + 1
