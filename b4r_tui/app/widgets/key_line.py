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
    """A key and what it does now."""

    key: str
    shown: str
    does: str
    enabled: bool
    tooltip: str

    @property
    def width(self) -> int:
        """Cells, with a blank between the key and what it does."""
        return cell_len(self.shown) + 1 + cell_len(self.does)


class KeyLine(Widget, can_focus=False):
    """Shows the screen's keys, and at the right end the palette's where there is room; where not all fit, the help's.

    Textual's footer is a widget a key, all made anew whenever the focus moves, which other keys wait for.
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
        self._places: list[tuple[int, int, Key]] = []  # of what is drawn: from, to (cells) and key
        self._is_due = False

    def on_mount(self) -> None:
        """Hear of keys that do something else now."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        """Look at the keys once all is said that changes them now."""
        if self.app.app_focus and self.is_attached and screen is self.screen and not self._is_due:
            self._is_due = True
            self.call_after_refresh(while_mounted(self, self._look))

    def _look(self) -> None:
        self._is_due = False
        active = self.screen.active_bindings
        palette = active.get(self.app.COMMAND_PALETTE_BINDING) if self.app.ENABLE_COMMAND_PALETTE else None
        found = (
            list(self._of(active.values())),
            next(self._of([palette], hidden=True), None) if palette else None,
        )
        if found != (self._keys, self._palette):
            self._keys, self._palette = found
            self.refresh()

    def _of(self, bindings: Iterable[ActiveBinding], hidden: bool = False) -> Iterator[Key]:
        """The keys to show, one for each action."""
        actions: set[str] = set()
        for _, binding, enabled, tooltip in bindings:
            if (binding.show or hidden) and binding.action not in actions:
                actions.add(binding.action)
                shown = self.app.get_key_display(binding)
                yield Key(binding.key, shown, binding.description, enabled, tooltip or binding.description)

    def render(self) -> Text:
        """The keys, with two blanks between them or one where there is less room."""
        style = {
            "key": self.get_component_rich_style("key-line--key", partial=True),
            "off": self.get_component_rich_style("key-line--off", partial=True),
        }
        room, gap, last = fitted(self._keys, self._palette, self.size.width)
        line, self._places = Text(" ", no_wrap=True, end=""), []
        for key in (key for key in self._keys if key is not last):
            if line.cell_len + key.width > room:
                break
            self._add(line, key, style)
            line.append(" " * gap)
        if last is not None:
            line.append(" " * (self.size.width - 1 - last.width - line.cell_len))
            self._add(line, last, style)
        return line

    def _add(self, line: Text, key: Key, style: dict[str, Style]) -> None:
        start = line.cell_len
        face = Text.assemble((key.shown, style["key"]), f" {key.does}")
        if not key.enabled:
            face.stylize(style["off"])
        line.append_text(face)
        self._places.append((start, line.cell_len, key))

    # the mouse ---------------------------------------------------------------------------------

    def _at(self, cell: int) -> Key | None:
        return next((key for start, end, key in self._places if start <= cell < end), None)

    def on_mouse_down(self, event: MouseDown) -> None:
        """A click on a key is that key."""
        key = self._at(event.x)
        if key is None:
            return
        if key.enabled:
            self.app.simulate_key(key.key)
        else:
            self.app.bell()

    def on_mouse_move(self, event: MouseMove) -> None:
        """What the key below the mouse does."""
        key = self._at(event.x)
        if (told := key.tooltip if key else None) != self.tooltip:
            self.tooltip = told

    def on_leave(self, event: Leave) -> None:
        """Nothing is told any longer."""
        self.tooltip = None


def fitted(keys: Sequence[Key], palette: Key | None, width: int) -> tuple[int, int, Key | None]:
    """Where the keys have to end, the blanks between them, and the key at the right end.

    That is the palette's where there is room for it, and where not all keys fit the one that tells all, the help's.
    """
    for gap, last in ((2, palette), (1, palette), (1, None)):
        room = width - (last.width + 3 if last else 1)
        if 1 + sum(key.width for key in keys) + gap * (len(keys) - 1) <= room:
            return room, gap, last
    tells = next((key for key in keys if key.key == HELP), None)
    return width - (tells.width + 3 if tells else 1), 1, tells
