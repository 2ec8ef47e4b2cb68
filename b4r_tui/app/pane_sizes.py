"""How wide and high the panes of the main screen are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual.screen import Screen
from textual.widget import Widget

PANES = ("left", "runs")  # widget ids: `left` has a width, `runs` a height
MINIMUM = {"left": 16, "runs": 4}  # cells of a pane
RESERVED = {"left": 40, "runs": 8}  # cells left to its neighbours


class PaneSizes:
    """Reads and sets the sizes of the panes of one screen."""

    def __init__(self, screen: Screen[Any]) -> None:
        self._screen = screen

    def resize(self, pane: str, by: int) -> int | None:
        """Make a pane larger by some cells; return its new size, None if it already fills the screen that way."""
        if self._fills_screen(pane):
            return None
        widget = self._widget(pane)
        now = widget.outer_size.width if pane == "left" else widget.outer_size.height
        size = max(MINIMUM[pane], min(now + by, self._available(widget, pane) - RESERVED[pane]))
        self._set(pane, size)
        return size

    def restore(self, sizes: Mapping[str, int | None]) -> None:
        """Set sizes; one that is too large for this terminal is left to the style sheet."""
        for pane, size in sizes.items():
            available = self._screen.size.width if pane == "left" else self._screen.size.height
            fits = size is not None and MINIMUM[pane] <= size <= available - RESERVED[pane]
            if fits and not self._screen.has_class("-narrow"):
                self._set(pane, size)

    def reset(self) -> None:
        """Use the sizes of the style sheet again."""
        for pane in PANES:
            self._set(pane, None)

    def _fills_screen(self, pane: str) -> bool:
        return pane == "left" and self._screen.has_class("-narrow")

    def _available(self, widget: Widget, pane: str) -> int:
        if pane == "left":
            return self._screen.size.width
        assert isinstance(widget.parent, Widget)
        return widget.parent.size.height

    def _widget(self, pane: str) -> Widget:
        return self._screen.query_one(f"#{pane}")

    def _set(self, pane: str, size: int | None) -> None:
        setattr(self._widget(pane).styles, "width" if pane == "left" else "height", size)
