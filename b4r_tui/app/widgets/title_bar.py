"""The line at the top: the file on the left, the number of runs in each state on the right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text
from textual.widgets import Static

from b4r_tui.app.widgets.palette import GLYPHS, palette_of

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView


NARROW = 100  # below this the counts have no words


class TitleBar(Static):
    """Shows the program, the file and the number of runs in each state."""

    DEFAULT_CSS = """
    TitleBar {
        dock: top;
        height: 1;
        padding: 0 1;
        background: $panel;
    }
    """

    def __init__(self, file_name: str) -> None:
        super().__init__()
        self._file_name = file_name
        self._counts: Counter[str] = Counter()

    def on_mount(self) -> None:
        """Draw without counts; they come with the first snapshot."""
        self._draw()

    def count(self, views: Iterable[RunView]) -> None:
        """Show the number of runs in each state."""
        counts = Counter(view.state.value for view in views)
        if counts != self._counts:
            self._counts = counts
            self._draw()

    def on_resize(self) -> None:
        """Add or remove the words of states."""
        self._draw()

    def redraw(self) -> None:
        """Draw again, in the colours of a new theme."""
        self._draw()

    def _draw(self) -> None:
        palette = palette_of(self.app)
        narrow = self.app.size.width < NARROW
        line = Table.grid(expand=True, padding=(0, 2, 0, 0))
        line.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        line.add_column(justify="right", no_wrap=True)
        counts = [
            Text(f"{glyph} {self._counts[state]}" + ("" if narrow else f" {state}"), getattr(palette, state))
            for state, glyph in GLYPHS.items()
            if self._counts[state]
        ]
        name = Text.assemble(("b4r-tui", f"bold {palette.running}"), "  ", (self._file_name, palette.strong))
        line.add_row(name, Text("   ").join(counts))
        self.update(line)
