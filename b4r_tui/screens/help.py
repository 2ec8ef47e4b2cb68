"""What every key does, made from the bindings that are in force."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from b4r_tui.widgets.palette import palette_of

ABOUT = (
    "Experiments stand in one TOML file; each launch makes a run folder. Runs train on their own: "
    "closing this program, or losing the connection, does not stop them."
)


@dataclass(frozen=True)
class Key:
    """A line of the help: keys as people see them, and what they do."""

    keys: str
    does: str


class Help(ModalScreen[None]):
    """The keys, by where they work."""

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
    BINDINGS = [Binding("escape,q,question_mark", "dismiss", "Close", key_display="esc")]

    def __init__(self, keys: list[Key]) -> None:
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        """One table that scrolls."""
        with VerticalScroll(id="box") as box:
            box.border_title = "Keys"
            box.border_subtitle = "esc closes"
            yield Static(self._table())

    async def action_dismiss(self, result: None = None) -> None:
        """Close."""
        self.dismiss(result)

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
    """Lines of the help from bindings: one for each action, its keys together."""
    by_action: dict[str, tuple[list[str], str]] = {}
    for active in bindings:
        binding = active.binding
        if not binding.description or binding.system:
            continue
        keys, _ = by_action.setdefault(binding.action, ([], active.tooltip or binding.description))
        keys.append(binding.key_display or spelled(binding.key))
    return [Key(" ".join(dict.fromkeys(keys)), does) for keys, does in by_action.values()]


def spelled(key: str) -> str:
    """A key as people write it: `?` for question_mark, `^p` for ctrl+p."""
    names = {"question_mark": "?", "up": "↑", "down": "↓", "left": "←", "right": "→"}
    return names.get(key, key.replace("ctrl+", "^"))
