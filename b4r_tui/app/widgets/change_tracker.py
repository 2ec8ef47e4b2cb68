"""Remembers what a widget shows, so that the same text is not drawn and laid out again."""

from __future__ import annotations

from rich.text import Text


class ChangeTracker:
    """Holds the last value under each name."""

    def __init__(self) -> None:
        self._last: dict[str, object] = {}

    def changed(self, name: str, value: Text | str | None) -> bool:
        """Remember a value; return whether its characters or styles differ from the last one under this name."""
        now = (value.plain, value.style, tuple(value.spans)) if isinstance(value, Text) else value
        differs = name not in self._last or self._last[name] != now
        self._last[name] = now
        return differs
