"""Remembers what was shown last: a widget that is told the same again need not be drawn or laid out again."""

from __future__ import annotations

from rich.text import Text


class News:
    """Values by name, as they were told last."""

    def __init__(self) -> None:
        self._last: dict[str, object] = {}

    def of(self, name: str, value: Text | str | None) -> bool:
        """Whether this differs from what was told last under this name, in its words or its styles."""
        told = (value.plain, value.style, tuple(value.spans)) if isinstance(value, Text) else value
        differs = name not in self._last or self._last[name] != told
        self._last[name] = told
        return differs
