"""The help: what every key does, generated from the bindings in force."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from b4r_tui.app.widgets.palette import palette_of

ABOUT = (
    "Experiments live in one TOML file; each launch creates a run folder. Runs train in the background: "
    "closing this program or losing the connection does not stop them."
)

QUIT_HELP = "Quit (runs keep training)"  # also of ctrl+q, which is Textual's
LEFT_OUT = {"screen.copy_text", "help_quit"}
SIDEWAYS = ("left", "right", "home", "end")  # of little use in a help; left out too
SPELLED = {
    "question_mark": "?",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "greater_than_sign": ">",
    "less_than_sign": "<",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "ampersand": "&",
    "minus": "-",
    "plus": "+",
    "slash": "/",
    "pageup": "page up",
    "pagedown": "page down",
}


@dataclass(frozen=True)
class Key:
    """A line of the help: keys as they are displayed, and what they do."""

    keys: str
    does: str


class Help(ModalScreen[None]):
    """Shows the keys of the screen below it."""

    DEFAULT_CSS = """
    Help {
        align: center middle;
        #box {
            width: 72; max-width: 94%; height: auto; max-height: 92%;
            border: round $primary; background: $surface; padding: 1 2;
            border-subtitle-color: $text-muted;
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "dismiss", "Close", key_display="esc")
    ]

    def __init__(self, keys: list[Key]) -> None:
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        """A table that scrolls."""
        with VerticalScroll(id="box") as box:
            box.border_title = "Keys"
            box.border_subtitle = "Esc closes"
            yield Static(self._table())

    def _table(self) -> Table:
        palette = palette_of(self.app)
        table = Table.grid(padding=(0, 3, 0, 0))
        table.add_column(justify="right", no_wrap=True)
        table.add_column()
        for key in self._keys:
            table.add_row(Text(key.keys, f"bold {palette.second}"), Text(key.does))
        table.add_row("", "")
        table.add_row("", Text(ABOUT, palette.faint))
        return table


def keys_of(bindings: Iterable[ActiveBinding]) -> list[Key]:
    """Return the lines of the help: keys of the footer first, keys of the same action on one line."""
    lines: dict[str, list[str]] = {}
    for active in sorted(bindings, key=lambda active: not active.binding.show):
        binding = active.binding
        if binding.description and not binding.system and not left_out(binding):
            does = QUIT_HELP if binding.action == "quit" else active.tooltip or binding.description
            lines.setdefault(does, []).append(binding.key_display or spelled(binding.key))
    return [Key(" ".join(dict.fromkeys(keys)), does) for does, keys in lines.items()]


def left_out(binding: Binding) -> bool:
    """Return whether every list has this key, so that nobody looks it up."""
    return binding.action in LEFT_OUT or binding.key.endswith(SIDEWAYS) or binding.key.startswith("ctrl+page")


def spelled(key: str) -> str:
    """Return a key as it is displayed: `?` for question_mark, `^p` for ctrl+p."""
    return SPELLED.get(key, key.replace("ctrl+", "^"))
