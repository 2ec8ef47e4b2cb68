"""Reads a growing log: whole lines only, harmless to a terminal, whatever a program wrote into it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import BinaryIO

LONGEST_LINE = 20_000  # bytes of a line that are kept
READ_AT_ONCE = 4 * 1024 * 1024  # bytes a poll reads at most
_BLOCK = 64 * 1024

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[@-~])"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class LogTail:
    """Follows a log file from its last lines on (`last_lines`; None: from its start).

    Survives a file that is missing, truncated, replaced, not UTF-8, or written in torn pieces.
    """

    def __init__(self, path: Path, last_lines: int | None = None) -> None:
        self._path = path
        self._last_lines = last_lines
        self._offset = 0
        self._inode: int | None = None
        self._line = _OpenLine()
        self.drained = False

    def poll(self) -> list[str]:
        """New whole lines, of at most 4 MiB; `drained` tells whether that was all there is."""
        try:
            with self._path.open("rb") as file:
                self._place(file)
                data = file.read(READ_AT_ONCE)
                self._offset = file.tell()
                self.drained = self._offset >= os.fstat(file.fileno()).st_size
        except OSError:
            self.drained = True
            return []
        return [text for raw in self._line.feed(data) if (text := readable(*raw)) is not None]

    def flush(self) -> list[str]:
        """The last line, where it has no end and none will come."""
        raw = self._line.take()
        text = readable(*raw) if raw[0] else None
        return [] if text is None else [text]

    def _place(self, file: BinaryIO) -> None:
        """Put the file where reading goes on; from its start where it is another or shorter one."""
        stat = os.fstat(file.fileno())
        if self._inode is None and self._last_lines is not None:
            self._offset = offset_of_last_lines(file, stat.st_size, self._last_lines)
        elif (self._inode is not None and stat.st_ino != self._inode) or stat.st_size < self._offset:
            self._offset, self._line = 0, _OpenLine()
        self._inode = stat.st_ino
        file.seek(self._offset)


class _OpenLine:
    """The line that has no end yet: at most LONGEST_LINE bytes of it, and how many there were."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._length = 0

    def feed(self, data: bytes) -> list[tuple[bytes, int]]:
        """Lines ended by `data`, each as (bytes kept, bytes there were)."""
        *ends, rest = data.split(b"\n")
        lines = []
        for end in ends:
            self._add(end)
            lines.append(self.take())
        self._add(rest)
        return lines

    def take(self) -> tuple[bytes, int]:
        """The line as it is; the next one begins."""
        line = (bytes(self._kept), self._length)
        self._kept, self._length = bytearray(), 0
        return line

    def _add(self, piece: bytes) -> None:
        redraws = piece.rstrip(b"\r").rfind(b"\r")
        if redraws >= 0:  # a progress bar: only what it shows last matters
            piece = piece[redraws + 1 :]
            self.take()
        elif self._kept.endswith(b"\r") and piece.strip(b"\r"):
            self.take()
        self._length += len(piece)
        self._kept += piece[: max(0, LONGEST_LINE - len(self._kept))]


def readable(line: bytes, length: int) -> str | None:
    """A line as text that is safe to print; None for one that consisted of escape sequences only.

    line: the bytes kept, without the newline. length: how many bytes there were.
    """
    text = line.decode("utf-8", errors="replace").rstrip("\r")
    text = _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", _ESCAPES.sub("", text)).expandtabs(8)
    if line and not text:
        return None
    return text if length <= len(line) else f"{text} … (cut: the line has {length:,} bytes)"


def offset_of_last_lines(file: BinaryIO, size: int, count: int) -> int:
    """Where the last `count` lines of a file of `size` bytes begin; it is read from the end in blocks."""
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
    """The byte after the `wanted`-th newline from the end of `block`."""
    position = len(block)
    for _ in range(wanted):
        position = block.rfind(b"\n", 0, position)
    return position + 1
