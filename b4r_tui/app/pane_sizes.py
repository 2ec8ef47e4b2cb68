"""How wide and high the panes of the main screen are, and keeping that from one start to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.screen import Screen

    from b4r_tui.app.session_state import Remembered

WIDER, HIGHER = 4, 2  # cells a key press
LEAST = {"left": 16, "runs": 4}  # cells that a pane keeps
REST = {"left": 40, "runs": 8}  # cells that stay for what is beside it


def resize(screen: Screen[Any], pane: str, by: int) -> int | None:
    """Make a pane wider (`left`) or higher (`runs`) by some cells; its new size, None where it has the whole axis."""
    widget = screen.query_one(f"#{pane}")
    across = pane == "left"
    if across and screen.has_class("-narrow"):
        return None
    room = screen.size.width if across else widget.parent.size.height  # type: ignore[union-attr]
    now = widget.outer_size.width if across else widget.outer_size.height
    size = max(LEAST[pane], min(now + by, room - REST[pane]))
    _set(screen, pane, size)
    return size


def restore(screen: Screen[Any], remembered: Remembered) -> None:
    """Give the panes the sizes they had. What is too large for this terminal is left to the style sheet."""
    for pane, rest in REST.items():
        size = remembered.get(f"size.{pane}", lambda value: isinstance(value, int))
        room = screen.size.width if pane == "left" else screen.size.height
        if size is not None and LEAST[pane] <= size <= room - rest and not screen.has_class("-narrow"):
            _set(screen, pane, size)


def reset(screen: Screen[Any]) -> None:
    """The sizes of the style sheet again."""
    for pane, axis in (("left", "width"), ("runs", "height")):
        setattr(screen.query_one(f"#{pane}").styles, axis, None)


def _set(screen: Screen[Any], pane: str, size: int) -> None:
    setattr(screen.query_one(f"#{pane}").styles, "width" if pane == "left" else "height", size)
