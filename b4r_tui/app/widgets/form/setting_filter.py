"""The filter above the rows of the form."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input


class SettingFilter(Input):
    """An input for the words that a row has to contain; Esc clears it, Enter moves to the rows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", "Clear", show=False),
        Binding("down,enter", "rows", "To the rows", show=False),
    ]

    def __init__(self, to_rows: Callable[[str], None]) -> None:
        """to_rows: moves the cursor to the rows that match the words."""
        super().__init__(placeholder="filter settings", compact=True, id="filter")
        self._to_rows = to_rows

    def open(self) -> None:
        """Show the filter and move the cursor into it."""
        self.display = True
        self.focus()
        self.select_all()

    def action_clear(self) -> None:
        """Show all rows again."""
        self.value = ""
        self.action_rows()

    def action_rows(self) -> None:
        """Move to the first row."""
        self.display = bool(self.value)
        self._to_rows(self.value)
