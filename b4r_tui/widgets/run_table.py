"""The live table of runs: only cells that differ are touched, and the cursor stays on its run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import DataTable, Static

from b4r_tui.widgets import numbers
from b4r_tui.widgets.palette import palette_of
from b4r_tui.widgets.run_columns import GAP, Column, Look, columns_for, shown_cutoff, shown_protocol

if TYPE_CHECKING:
    from b4r_tui.feed import RunView


class RunTable(Vertical):
    """Runs, newest first, or a sentence where there are none."""

    DEFAULT_CSS = """
    RunTable {
        DataTable {
            height: 1fr;
            background: transparent;
            & > .datatable--header { background: transparent; color: $text-muted; text-style: none; }
            &:focus { background-tint: transparent 0%; }
        }
        #no-runs { padding: 1 2; color: $text-muted; }
    }
    """

    def __init__(self) -> None:
        super().__init__(id="runs")
        self._views: tuple[RunView, ...] = ()
        self._now = 0.0
        self._all_runs = False
        self._columns: list[Column] = []
        self._labels: list[str] = []
        self._cells: dict[str, list[Text]] = {}

    def compose(self) -> ComposeResult:
        """The table, and what stands there when it is empty."""
        table: DataTable[Text] = DataTable(id="run-rows", cursor_type="row", cell_padding=0)
        table.cursor_foreground_priority = "renderable"
        table.display = False
        yield table
        yield Static(id="no-runs")

    @property
    def table(self) -> DataTable[Text]:
        """The rows themselves."""
        return self.query_one("#run-rows", DataTable)

    @property
    def selected(self) -> RunView | None:
        """The run under the cursor."""
        row = self.table.cursor_row
        return self._views[row] if 0 <= row < len(self._views) and self._cells else None

    def show(self, views: Sequence[RunView], all_runs: bool, now: float, nothing: str) -> None:
        """Show these runs as they are at `now`; `nothing` is said where there are none."""
        self._all_runs, self._now = all_runs, now
        self.table.display = bool(views)
        self.query_one("#no-runs", Static).display = not views
        self.query_one("#no-runs", Static).update(Text(nothing))
        self._draw(tuple(views))

    def select(self, key: str) -> bool:
        """Put the cursor on a run; whether it is in the table."""
        keys = [view.key for view in self._views]
        if key not in keys:
            return False
        self.table.move_cursor(row=keys.index(key))
        return True

    def redraw(self) -> None:
        """Draw every cell again: another width or another theme."""
        self._labels = []
        self._draw(self._views)

    def on_resize(self) -> None:
        """Other columns may fit now."""
        self._draw(self._views)

    def _draw(self, views: tuple[RunView, ...]) -> None:
        selected = self.selected
        protocol = shown_protocol(views)
        look = Look(self._now, palette_of(self.app), protocol, shown_cutoff(views, protocol))
        self.border_subtitle = f"validation, {protocol} ranking" if protocol else None
        columns = columns_for(self.content_size.width - 1, self._all_runs, views, look)  # 1: the scrollbar
        cells = {view.key: [column.cell(view, look) for column in columns] for view in views}
        labels = [f"{column.label} {column.width}" for column in columns]
        same_rows = list(cells) == list(self._cells)
        self._views = views
        if labels == self._labels and same_rows:
            self._update(columns, cells)
            return
        self._columns, self._labels = columns, labels
        self._rebuild(columns, cells, selected.key if selected else None)

    def _update(self, columns: list[Column], cells: dict[str, list[Text]]) -> None:
        """Touch the cells that differ."""
        for row, texts in cells.items():
            for column, text, old in zip(columns, texts, self._cells[row], strict=True):
                if (text, text.style) != (old, old.style):
                    self.table.update_cell(row, column.key, text)
        self._cells = cells

    def _rebuild(self, columns: list[Column], cells: dict[str, list[Text]], selected: str | None) -> None:
        """Lay the table out anew, the cursor on the same run."""
        table = self.table
        with self.app.batch_update(), self.prevent(DataTable.RowHighlighted):
            table.clear(columns=True)
            table.header_height = max(column.label.count("\n") + 1 for column in columns)
            for column in columns:
                table.add_column(_heading(column), key=column.key, width=column.width + GAP)
            for key, texts in cells.items():
                table.add_row(*texts, key=key)
            self._cells = cells
            if selected in cells:
                table.move_cursor(row=list(cells).index(selected or ""))


def _heading(column: Column) -> Text:
    lines = [numbers.fitted(Text(line), column.width, column.right) for line in column.label.split("\n")]
    return Text("\n").join(lines)
