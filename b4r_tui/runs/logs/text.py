"""Turns bytes of a log into text that is safe to print, and splits them into lines as they arrive."""

from __future__ import annotations

import re

LONGEST_LINE = 20_000  # bytes of a line that are retained

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # titles, links, the clipboard
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x9c]*(?:\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]"
)
_UNSAFE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f"
    "\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_PLAIN = bytes(range(0x20, 0x7F)) + b"\n"


class OpenLine:
    """The unterminated line: at most LONGEST_LINE bytes of it, and its length.

    A carriage return within a line redraws it, as progress bars do: the line is what was shown last.
    """

    def __init__(self) -> None:
        self._retained = bytearray()
        self._length = 0
        self._returned = False  # the last byte was a carriage return

    def feed(self, data: bytes) -> list[tuple[bytes, int]]:
        """Return the lines that `data` terminates, each as (retained bytes, number of bytes)."""
        *ends, rest = data.split(b"\n")
        lines = []
        for end in ends:
            self._add(end)
            lines.append(self.take())
        self._add(rest)
        return lines

    def take(self) -> tuple[bytes, int]:
        """Return the line so far and start the next one."""
        line = (bytes(self._retained), self._length)
        self._retained, self._length, self._returned = bytearray(), 0, False
        return line

    def _add(self, data: bytes) -> None:
        shown = data.rstrip(b"\r")
        if not shown:
            self._returned |= bool(data)
            return
        redrawn = shown.rfind(b"\r")
        if redrawn >= 0 or self._returned:
            self.take()
            shown = shown[redrawn + 1 :]
        self._length += len(shown)
        self._retained += shown[: max(0, LONGEST_LINE - len(self._retained))]
        self._returned = data.endswith(b"\r")


def readable(line: bytes, length: int) -> str:
    """Return a line as text that is safe to print: no control characters, escape sequences or direction changes.

    line: the retained bytes, without the newline. length: the number of bytes it had.
    """
    text = line.decode("utf-8", errors="replace")
    text = _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", _ESCAPES.sub("", text).expandtabs(8))
    return text if length <= len(line) else f"{text} … (truncated: the line has {length:,} bytes)"


def is_plain(block: bytes) -> bool:
    """Return whether all of it is printable ASCII and newlines, so that it can be shown as it is."""
    return block.isascii() and not block.translate(None, _PLAIN)
