"""The rows of the table of runs: only cells that differ are touched; cursor and scroll stay on their run."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import DataTable

from b4r_tui.widgets.row_table import RowTable
from b4r_tui.widgets.run_columns import GAP

Cells = dict[str, list[Text]]
AT_ONCE = 200  # rows that go before the table is rather laid out anew


class RunRows(RowTable):
    """A data table that is told what it is to look like, and makes the difference."""

    DEFAULT_CSS = """
    RunRows {
        height: 1fr;
        background: transparent;
        & > .datatable--header { background: transparent; color: $text-muted; text-style: none; }
        &:focus { background-tint: transparent 0%; }
    }
    """

    def __init__(self) -> None:
        super().__init__(id="run-rows")
        self.display = False
        self._layout: list[tuple[str, int]] = []
        self._headings: list[Text] = []
        self._cells: Cells = {}
        self._keys: list[str] = []

    @property
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor."""
        return self._keys[self.cursor_row] if 0 <= self.cursor_row < len(self._keys) else None

    def show(self, columns: list[tuple[str, int]], headings: list[Text], cells: Cells) -> None:
        """Show these columns, each a key and a width in cells, and rows by key, in their order."""
        same_columns = (columns, headings) == (self._layout, self._headings)
        gone = self._cells.keys() - cells.keys()
        if same_columns and list(cells) == self._keys:
            self._update(cells)
            return
        key, row, top = self.cursor_key, self.cursor_row, self.scroll_offset.y
        with self.app.batch_update(), self.prevent(DataTable.RowHighlighted):
            if same_columns and len(gone) <= AT_ONCE:
                self._change(cells, gone)
            else:
                self._lay_out(columns, headings, cells)
            self._return_to(key, row, top)

    def move_to(self, key: str) -> bool:
        """Put the cursor on a row; whether it is there."""
        if key not in self._cells:
            return False
        self.move_cursor(row=self._keys.index(key))
        return True

    def _update(self, cells: Cells) -> None:
        """Touch the cells that differ."""
        for row, texts in cells.items():
            before = self._cells.get(row)
            if before is None or before is texts:
                continue
            for (column, _), text, old in zip(self._layout, texts, before, strict=True):
                if (text, text.style) != (old, old.style):
                    self.update_cell(row, column, text)
        self._cells = cells

    def _change(self, cells: Cells, gone: set[str]) -> None:
        """Take rows out, add others at the end, and put all in order."""
        for key in gone:
            self.remove_row(key)
        fresh = [key for key in cells if key not in self._cells]
        before = [key for key in self._keys if key not in gone] + fresh
        for key in fresh:
            self.add_row(*cells[key], key=key)
        self._update(cells)
        self._keys = list(cells)
        if before != self._keys:
            place = {key: index for index, key in enumerate(self._keys)}
            places = iter([place[str(key.value)] for key in self.rows])
            self.sort(key=lambda _: next(places))  # asked for each row in the order of `rows`

    def _lay_out(self, columns: list[tuple[str, int]], headings: list[Text], cells: Cells) -> None:
        self.clear(columns=True)
        self.header_height = max((heading.plain.count("\n") + 1 for heading in headings), default=1)
        for (key, width), heading in zip(columns, headings, strict=True):
            self.add_column(heading, key=key, width=width + GAP)
        for key, texts in cells.items():
            self.add_row(*texts, key=key)
        self._layout, self._headings, self._cells, self._keys = columns, headings, cells, list(cells)

    def _return_to(self, key: str | None, row: int, top: int) -> None:
        """The cursor on the same run, at the same height of the screen; where it is gone, on the next one."""
        if not self._keys:
            return
        now = (
            self._keys.index(key) if key in self._cells and key is not None else min(row, len(self._keys) - 1)
        )
        self.move_cursor(row=now, scroll=False)
        if top:
            self._scroll_to_row(max(0, top + now - row))

    def _scroll_to_row(self, top: int) -> None:
        """This row on top, at once; where new rows below are not measured yet, as soon as they are."""
        self.scroll_to(y=top, animate=False, immediate=True)
        if top > self.max_scroll_y:
            self.call_after_refresh(self.scroll_to, y=top, animate=False, immediate=True)
