"""Encodes text as ASCII words and back: tree-sitter's bash grammar handles only 256 characters."""

from __future__ import annotations

import re

_MARK = "\x7f"  # a word character for bash and its grammar that no script contains
_MARKED = re.compile(f"{_MARK}([0-9a-f]+){_MARK}")


def ascii_only(text: str) -> str:
    """Return the text with each non-ASCII character, and each mark, replaced by a marked number."""
    return re.sub(r"[^\x00-\x7e]", lambda match: f"{_MARK}{ord(match[0]):x}{_MARK}", text)


def decoded(text: bytes | None) -> str:
    """Decode a part of such a text."""
    return _MARKED.sub(lambda match: chr(int(match[1], 16)), (text or b"").decode("ascii"))
