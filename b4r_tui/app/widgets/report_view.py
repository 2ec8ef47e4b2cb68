"""A report's table on screen; a narrow terminal hides spare columns, and the cursor stays on its row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from b4r_tui.app.widgets.row_table import RowTable
from b4r_tui.reports.table import ReportTable, fitted

EDGES = 3  # cells around the columns: the outer padding, and the scroll bar


class ReportView(RowTable):
    """Shows a ReportTable whose rows are identified by keys."""

    DEFAULT_CSS = """
    ReportView {
        background: transparent;
        & > .datatable--header { background: transparent; color: $text-muted; text-style: none; }
        &:focus { background-tint: transparent 0%; }
    }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id, cell_padding=1)
        self._table: ReportTable | None = None
        self._keys: list[str] = []
        self._width = 0

    @property
    def chosen(self) -> str | None:
        """Return the key of the row under the cursor."""
        return self._keys[self.cursor_row] if 0 <= self.cursor_row < len(self._keys) else None

    def show(self, table: ReportTable, keys: Sequence[str] | None = None) -> None:
        """Show a table. keys: one per row, None for row numbers."""
        chosen = self.chosen
        self._table = table
        self._keys = list(keys) if keys is not None else [str(place) for place in range(len(table.rows))]
        self._fill()
        if chosen in self._keys:
            self.move_cursor(row=self._keys.index(chosen))

    def on_resize(self, event: Any) -> None:
        """Choose the columns that fit."""
        if self._table is not None and self.size.width != self._width:
            row = self.cursor_row
            self._fill()
            self.move_cursor(row=row)

    def _fill(self) -> None:
        assert self._table is not None
        self._width = self.size.width
        available = (self._width or self.app.size.width) - EDGES
        shown = fitted(self._table, available)
        self.clear(columns=True)
        for column in shown.columns:
            title = Text(column.title, justify="right" if column.right else "left")
            self.add_column(title)
        for key, row in zip(self._keys, shown.rows, strict=True):
            cells = [_aligned(cell, column.right) for cell, column in zip(row, shown.columns, strict=True)]
            self.add_row(*cells, key=key)


def _aligned(cell: Text, right: bool) -> Text:
    if right:
        cell = cell.copy()
        cell.justify = "right"
    return cell
