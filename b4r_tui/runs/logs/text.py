"""Makes bytes of a log into text that is safe to print, and splits them into lines as they come."""

from __future__ import annotations

import re

LONGEST_LINE = 20_000  # bytes of a line that are kept

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
    """The line that has no end yet: at most LONGEST_LINE bytes of it, and how many there were.

    A carriage return within a line redraws it, as progress bars do: what was shown last is the line.
    """

    def __init__(self) -> None:
        self._kept = bytearray()
        self._length = 0
        self._returned = False  # the last byte was a carriage return

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
        self._kept, self._length, self._returned = bytearray(), 0, False
        return line

    def _add(self, piece: bytes) -> None:
        shown = piece.rstrip(b"\r")
        if not shown:
            self._returned |= bool(piece)
            return
        redrawn = shown.rfind(b"\r")
        if redrawn >= 0 or self._returned:
            self.take()
            shown = shown[redrawn + 1 :]
        self._length += len(shown)
        self._kept += shown[: max(0, LONGEST_LINE - len(self._kept))]
        self._returned = piece.endswith(b"\r")


def readable(line: bytes, length: int) -> str:
    """A line as text that is safe to print: no control characters, escape sequences or changes of direction.

    line: the bytes kept, without the newline. length: how many bytes there were.
    """
    text = line.decode("utf-8", errors="replace")
    text = _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", _ESCAPES.sub("", text).expandtabs(8))
    return text if length <= len(line) else f"{text} … (cut: the line has {length:,} bytes)"


def is_plain(block: bytes) -> bool:
    """Whether all of it is printable ASCII and newlines, so that it may be shown as it is."""
    return block.isascii() and not block.translate(None, _PLAIN)
