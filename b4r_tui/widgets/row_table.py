"""A table whose cursor is a row: Home and End go to the first and the last one, as in any list."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable


class RowTable(DataTable[Text]):
    """Textual's Home and End go to the first and last cell of a row, which a cursor of whole rows never shows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home", "scroll_top", "First row", show=False),
        Binding("end", "scroll_bottom", "Last row", show=False),
    ]

    def __init__(self, id: str | None = None, cell_padding: int = 0) -> None:
        """cell_padding: cells left and right of each cell's text."""
        super().__init__(id=id, cursor_type="row", cell_padding=cell_padding)
        self.cursor_foreground_priority = "renderable"
