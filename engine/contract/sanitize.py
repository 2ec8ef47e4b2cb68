"""Text that is safe to show: no character of it can steer a terminal or turn the direction of writing. Torch-free."""

from __future__ import annotations

import re
from typing import Any

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def sanitize(text: str) -> str:
    """The text with each control character but tab and newline replaced by U+FFFD."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def is_safe(text: str) -> bool:
    """Whether there is nothing to replace."""
    return not _CONTROLS.search(text)


def sanitize_within(value: Any) -> Any:
    """A value of JSON, its texts and keys made harmless at any depth."""
    if isinstance(value, str):
        return sanitize(value)
    if isinstance(value, dict):
        return {sanitize(key): sanitize_within(inner) for key, inner in value.items()}
    return [sanitize_within(inner) for inner in value] if isinstance(value, list) else value
