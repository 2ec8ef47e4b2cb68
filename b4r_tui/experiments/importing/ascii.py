"""Text of other alphabets as ASCII words and back: the grammar of bash looks letters up in a table of 256."""

from __future__ import annotations

import re

_MARK = "\x7f"  # a word character to bash and its grammar, that no script has
_MARKED = re.compile(f"{_MARK}([0-9a-f]+){_MARK}")


def ascii_only(text: str) -> str:
    """The text with a marked number for each character that is not ASCII, and for each mark."""
    return re.sub(r"[^\x00-\x7e]", lambda found: f"{_MARK}{ord(found[0]):x}{_MARK}", text)


def as_it_was(text: bytes | None) -> str:
    """What a piece of such a text stands for."""
    return _MARKED.sub(lambda found: chr(int(found[1], 16)), (text or b"").decode("ascii"))
