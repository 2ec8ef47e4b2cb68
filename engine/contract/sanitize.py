"""Removes characters from text that could control a terminal or change the direction of writing."""

from __future__ import annotations

import re
from typing import Any

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def sanitize(text: str) -> str:
    """Replace each control character, except tab and newline, by U+FFFD."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def is_safe(text: str) -> bool:
    """Return whether the text has nothing to replace."""
    return not _CONTROLS.search(text)


def sanitize_within(value: Any) -> Any:
    """Sanitize the texts and keys of a JSON value, at any depth."""
    if isinstance(value, str):
        return sanitize(value)
    if isinstance(value, dict):
        return {sanitize(key): sanitize_within(inner) for key, inner in value.items()}
    return [sanitize_within(inner) for inner in value] if isinstance(value, list) else value
