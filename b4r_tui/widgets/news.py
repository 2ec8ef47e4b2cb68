"""Whether something shown is news: Textual draws a widget anew whatever is set, even where it is as it was."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from rich.text import Text
from textual.widget import Widget

_shown: WeakKeyDictionary[Widget, dict[str, object]] = WeakKeyDictionary()


def is_news(widget: Widget, part: str, value: object) -> bool:
    """Whether a part of a widget is to show another value than at the last call, with which it is remembered."""
    face = (value.plain, value.spans, value.style) if isinstance(value, Text) else value
    parts = _shown.setdefault(widget, {})
    if part in parts and parts[part] == face:
        return False
    parts[part] = face
    return True
