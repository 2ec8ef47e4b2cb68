"""A table whose cursor is a row: Home and End go to the first and last row, as in any list."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.widgets import DataTable

from b4r_tui.app.widgets.text_line import Line, fits, is_same, line_of

Lines = list[Line]
Drawn = tuple[
    tuple[object, ...], Text, Lines
]  # the styles and size it was drawn with, the cell's text, and its lines


class RowTable(DataTable[Text]):
    """Moves by rows and draws only cells that changed.

    Textual's Home and End go to the first and last cell of a row, which a row cursor does not show. It also draws all
    visible cells again when one of them, or the table's height, has changed; runs report several times per second.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home", "scroll_top", "First row", show=False),
        Binding("end", "scroll_bottom", "Last row", show=False),
    ]

    def __init__(self, id: str | None = None, cell_padding: int = 0) -> None:
        """cell_padding: cells left and right of each cell's text."""
        super().__init__(id=id, cursor_type="row", cell_padding=cell_padding)
        self.cursor_foreground_priority = "renderable"
        self._cells_drawn: LRUCache[tuple[int, int], Drawn] = LRUCache(4000)

    def _render_cell(
        self,
        row_index: int,
        column_index: int,
        base_style: Style,
        width: int,
        cursor: bool = False,
        hover: bool = False,
    ) -> Lines:
        """Return the lines of a cell; those of the last time where its text and styles are the same."""
        text = self._get_row_renderables(row_index).cells[column_index] if column_index >= 0 else None
        if not isinstance(text, Text):
            return super()._render_cell(row_index, column_index, base_style, width, cursor, hover)
        height = self.header_height if row_index < 0 else self.ordered_rows[row_index].height
        styles = self._get_styles_to_render_cell(
            row_index < 0,
            False,
            column_index < self.fixed_columns or 0 <= row_index < self.fixed_rows,
            hover,
            cursor,
            self.show_cursor,
            self._show_hover_cursor,
            self.cursor_foreground_priority == "css",
            self.cursor_background_priority == "css",
        )
        drawn_with = (base_style, *styles, width, height)
        known = self._cells_drawn.get((row_index, column_index))
        if known is not None and known[0] == drawn_with and is_same(text, known[1]):
            return known[2]
        if height == 1 and fits(text, width - 2 * self.cell_padding):
            style = base_style + Style.from_meta({"row": row_index, "column": column_index}) + styles[0]
            lines = [line_of(text, width, self.cell_padding, style, styles[1], self.app.console)]
        else:
            lines = super()._render_cell(row_index, column_index, base_style, width, cursor, hover)
        self._cells_drawn[row_index, column_index] = (drawn_with, text, lines)
        return lines
