"""The line of keys at the bottom of a screen, drawn as one text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.events import Leave, MouseDown, MouseMove
from textual.screen import ActiveBinding, Screen
from textual.widget import Widget

from b4r_tui.app.lifecycle import while_mounted

HELP = "question_mark"


@dataclass(frozen=True)
class Key:
    """A key and what it does at the moment."""

    key: str
    shown: str
    label: str
    enabled: bool
    tooltip: str

    @property
    def width(self) -> int:
        """Return the cells of the key and its label, with a blank in between."""
        return cell_len(self.shown) + 1 + cell_len(self.label)


class KeyLine(Widget, can_focus=False):
    """Shows the screen's keys, and at the right end the palette's key; where not all fit, the help's key.

    Textual's footer has a widget per key and creates all of them whenever the focus moves, which delays other keys.
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-line--key", "key-line--off"}
    DEFAULT_CSS = """
    KeyLine {
        dock: bottom; height: 1; background: $footer-background; color: $footer-foreground;
        .key-line--key { color: $footer-key-foreground; text-style: bold; }
        .key-line--off { text-style: dim; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._keys: list[Key] = []
        self._palette: Key | None = None
        self._places: list[tuple[int, int, Key]] = []  # what is drawn: first cell, end, key
        self._is_due = False

    def on_mount(self) -> None:
        """Follow changes of the screen's keys."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        """Update the line once, after all changes of this refresh."""
        if self.app.app_focus and self.is_attached and screen is self.screen and not self._is_due:
            self._is_due = True
            self.call_after_refresh(while_mounted(self, self._update_keys))

    def _update_keys(self) -> None:
        self._is_due = False
        active = self.screen.active_bindings
        palette = active.get(self.app.COMMAND_PALETTE_BINDING) if self.app.ENABLE_COMMAND_PALETTE else None
        keys = (
            list(self._keys_of(active.values())),
            next(self._keys_of([palette], hidden=True), None) if palette else None,
        )
        if keys != (self._keys, self._palette):
            self._keys, self._palette = keys
            self.refresh()

    def _keys_of(self, bindings: Iterable[ActiveBinding], hidden: bool = False) -> Iterator[Key]:
        """Yield the keys to show, one per action."""
        actions: set[str] = set()
        for _, binding, enabled, tooltip in bindings:
            if (binding.show or hidden) and binding.action not in actions:
                actions.add(binding.action)
                shown = self.app.get_key_display(binding)
                yield Key(binding.key, shown, binding.description, enabled, tooltip or binding.description)

    def render(self) -> Text:
        """Draw the keys, two blanks apart, or one where they would not fit."""
        style = {
            "key": self.get_component_rich_style("key-line--key", partial=True),
            "off": self.get_component_rich_style("key-line--off", partial=True),
        }
        width, gap, last = fitted(self._keys, self._palette, self.size.width)
        line, self._places = Text(" ", no_wrap=True, end=""), []
        for key in (key for key in self._keys if key is not last):
            if line.cell_len + key.width > width:
                break
            self._add(line, key, style)
            line.append(" " * gap)
        if last is not None:
            line.append(" " * (self.size.width - 1 - last.width - line.cell_len))
            self._add(line, last, style)
        return line

    def _add(self, line: Text, key: Key, style: dict[str, Style]) -> None:
        start = line.cell_len
        text = Text.assemble((key.shown, style["key"]), f" {key.label}")
        if not key.enabled:
            text.stylize(style["off"])
        line.append_text(text)
        self._places.append((start, line.cell_len, key))

    # the mouse ---------------------------------------------------------------------------------

    def _at(self, cell: int) -> Key | None:
        return next((key for start, end, key in self._places if start <= cell < end), None)

    def on_mouse_down(self, event: MouseDown) -> None:
        """Press the clicked key."""
        key = self._at(event.x)
        if key is None:
            return
        if key.enabled:
            self.app.simulate_key(key.key)
        else:
            self.app.bell()

    def on_mouse_move(self, event: MouseMove) -> None:
        """Show the help of the key below the mouse."""
        key = self._at(event.x)
        if (tooltip := key.tooltip if key else None) != self.tooltip:
            self.tooltip = tooltip

    def on_leave(self, event: Leave) -> None:
        """Hide the help."""
        self.tooltip = None


def fitted(keys: Sequence[Key], palette: Key | None, width: int) -> tuple[int, int, Key | None]:
    """Return the cell where keys must end, the blanks between them, and the key at the right end.

    That is the palette's key where it fits; where not all keys fit, it is the help's, which lists them.
    """
    for gap, last in ((2, palette), (1, palette), (1, None)):
        end = width - (last.width + 3 if last else 1)
        if 1 + sum(key.width for key in keys) + gap * (len(keys) - 1) <= end:
            return end, gap, last
    help_key = next((key for key in keys if key.key == HELP), None)
    return width - (help_key.width + 3 if help_key else 1), 1, help_key
