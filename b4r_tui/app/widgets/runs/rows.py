"""The rows of the table of runs: only visible ones are made, and of these only cells that changed are drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Click, Leave, MouseMove
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from b4r_tui.app.lifecycle import while_mounted
from b4r_tui.app.widgets.runs.look import GAP
from b4r_tui.app.widgets.text_line import is_same, line_of

Cells = list[Text]
Drawn = tuple[
    Cells, tuple[Style, int], Strip
]  # a row's cells, the style and width it was drawn for, and its line


class RunRows(ScrollView, can_focus=True):
    """Shows rows by key under a fixed heading. The cursor is a row; it and the scroll position stay on their run.

    Textual's own table holds, measures and sorts every cell of every row, which would delay keys.
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"run-rows--heading", "run-rows--cursor", "run-rows--hover"}
    DEFAULT_CSS = """
    RunRows {
        height: 1fr;
        overflow-x: hidden;
        & > .run-rows--heading { color: $text-muted; }
        & > .run-rows--hover { background: $block-hover-background; }
        & > .run-rows--cursor {
            color: $block-cursor-blurred-foreground;
            background: $block-cursor-blurred-background;
            text-style: $block-cursor-blurred-text-style;
        }
        &:focus > .run-rows--cursor {
            color: $block-cursor-foreground;
            background: $block-cursor-background;
            text-style: $block-cursor-text-style;
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Select", show=False),
        Binding("up", "cursor_up", "Up", show=False),
        Binding("down", "cursor_down", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,ctrl+home", "first", "First row", show=False),
        Binding("end,ctrl+end", "last", "Last row", show=False),
    ]

    class Highlighted(Message):
        """The user moved the cursor to another row."""

    class Selected(Message):
        """Enter was pressed, or the row under the cursor clicked."""

    @dataclass
    class HeadingClicked(Message):
        """The heading of a column was clicked."""

        column: str

    def __init__(self) -> None:
        super().__init__(id="run-rows")
        self.display = False
        self.cursor_row = 0
        self._hovered: int | None = None
        self._columns: list[tuple[str, int]] = []
        self._headings: list[Text] = []
        self._keys: list[str] = []
        self._cells_of: Callable[[str], Cells] = lambda key: []
        self._visible: dict[str, Cells] = {}  # cells of the rows drawn last
        self._drawn: dict[str, Drawn] = {}

    # contents ----------------------------------------------------------------------------------

    def show(
        self,
        columns: list[tuple[str, int]],
        headings: list[Text],
        keys: Sequence[str],
        cells_of: Callable[[str], Cells],
    ) -> None:
        """Show columns, each a key and a width in cells, and rows by key. cells_of: called for visible rows only."""
        same_columns = (columns, headings) == (self._columns, self._headings)
        same_rows, self._cells_of = list(keys) == self._keys, cells_of
        if same_columns and same_rows:
            self._update()
            return
        key, row, top = self.cursor_key, self.cursor_row, self.scroll_offset.y
        self._columns, self._headings, self._keys = columns, headings, list(keys)
        self._visible.clear()
        if not same_columns:
            self._drawn.clear()
        self._fit()
        self._return_to(key, row, top)
        self.refresh()

    def _update(self) -> None:
        """Draw the visible cells that changed."""
        known, self._visible = self._visible, {}
        for row in self._visible_rows():
            key = self._keys[row]
            before, now = known.get(key), self._cells_of(key)
            self._visible[key] = now
            if before is not None and before is not now:
                self._refresh_cells(row, before, now)

    def _refresh_cells(self, row: int, before: Cells, now: Cells) -> None:
        x, y = 0, self._line_of(row)
        for (_, width), old, new in zip(self._columns, before, now, strict=True):
            if not is_same(old, new):
                self.refresh(Region(x, y, width + GAP, 1))
            x += width + GAP

    def _fit(self) -> None:
        """Fit the scroll bar to the number of rows."""
        self.virtual_size = Size(self.size.width, self.heading_height + len(self._keys))

    def _return_to(self, key: str | None, row: int, top: int) -> None:
        """Put the cursor on the same run, on the same line of the screen; where it is gone, on the next one."""
        there = self._keys.index(key) if key in self._keys else min(row, len(self._keys) - 1)
        self.cursor_row = max(0, there)
        if top:
            self._scroll_to_row(max(0, top + self.cursor_row - row))

    def _scroll_to_row(self, top: int) -> None:
        """Scroll this row to the top at once, or as soon as the scroll bar reaches that far."""
        self.scroll_to(y=top, animate=False, immediate=True)
        if top > self.max_scroll_y:
            guarded = while_mounted(self, self.scroll_to, y=top, animate=False, immediate=True)
            self.call_after_refresh(guarded)

    @property
    def row_count(self) -> int:
        """Return the number of rows, visible or not."""
        return len(self._keys)

    @property
    def heading_height(self) -> int:
        """Return the number of lines of the heading."""
        return max((heading.plain.count("\n") + 1 for heading in self._headings), default=1)

    @property
    def keys(self) -> Sequence[str]:
        """Return the keys of all rows, from top to bottom."""
        return self._keys

    def cells(self, key: str) -> Cells:
        """Return the cells of a row, visible or not."""
        if key not in self._visible:
            self._visible[key] = self._cells_of(key)
        return self._visible[key]

    # lines -------------------------------------------------------------------------------------

    def _line_of(self, row: int) -> int:
        """Return the line of the widget that a row is on."""
        return self.heading_height + row - self.scroll_offset.y

    def _row_at(self, y: int) -> int | None:
        """Return the row on a line of the widget."""
        row = y - self.heading_height + self.scroll_offset.y
        return row if y >= self.heading_height and row < len(self._keys) else None

    @property
    def _page_size(self) -> int:
        """Return the number of rows that fit the widget."""
        return max(1, self.size.height - self.heading_height)

    def _visible_rows(self) -> range:
        top = self.scroll_offset.y
        return range(min(top, len(self._keys)), min(top + self._page_size, len(self._keys)))

    def _refresh_row(self, row: int | None) -> None:
        if row is not None and row in self._visible_rows():
            self.refresh(Region(0, self._line_of(row), self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """Draw a line of the heading, or a row."""
        if y < self.heading_height:
            style = self.rich_style + self.get_component_rich_style("run-rows--heading")
            return self._strip([_line(heading, y) for heading in self._headings], style)
        row = self._row_at(y)
        if row is None:
            return Strip.blank(self.size.width, self.rich_style)
        key, style = self._keys[row], self._style_of(row)
        cells, known = self.cells(key), self._drawn.get(key)
        if known is None or known[1] != (style, self.size.width) or not _are_same(known[0], cells):
            if len(self._drawn) > 4 * self._page_size:
                self._drawn.clear()
            known = self._drawn[key] = cells, (style, self.size.width), self._strip(cells, style)
        return known[2]

    def _style_of(self, row: int) -> Style:
        if row == self.cursor_row:
            return self.rich_style + self.get_component_rich_style("run-rows--cursor")
        if row == self._hovered:
            return self.rich_style + self.get_component_rich_style("run-rows--hover")
        return self.rich_style

    def _strip(self, cells: Cells, style: Style) -> Strip:
        """Join the cells, and fill the line with blanks."""
        console, line = self.app.console, list[Segment]()
        for (_, width), text in zip(self._columns, cells, strict=True):
            line += line_of(text, width + GAP, 0, style, Style.null(), console)
        return Strip(line).adjust_cell_length(self.size.width, style).simplify()

    # the cursor --------------------------------------------------------------------------------

    @property
    def cursor_key(self) -> str | None:
        """Return the key of the row under the cursor."""
        return self._keys[self.cursor_row] if 0 <= self.cursor_row < len(self._keys) else None

    def move_to(self, key: str) -> bool:
        """Put the cursor on a row; return whether there is one with this key."""
        if key not in self._keys:
            return False
        self.move_cursor(self._keys.index(key))
        return True

    def move_cursor(self, row: int) -> None:
        """Put the cursor on the row with this number, or on the nearest one there is, and scroll to it."""
        row = max(0, min(row, len(self._keys) - 1))
        self._hover(None)
        if row != self.cursor_row:
            before, self.cursor_row = self.cursor_row, row
            self._refresh_row(before)
            self._refresh_row(row)
            self.post_message(self.Highlighted())
        top = self.scroll_offset.y
        if not top <= row < top + self._page_size:
            self._scroll_to_row(row if row < top else row - self._page_size + 1)

    def action_cursor_up(self) -> None:
        """Move the cursor up a row."""
        self.move_cursor(self.cursor_row - 1)

    def action_cursor_down(self) -> None:
        """Move the cursor down a row."""
        self.move_cursor(self.cursor_row + 1)

    def action_page(self, pages: int) -> None:
        """Move the cursor by pages."""
        self.move_cursor(self.cursor_row + pages * self._page_size)

    def action_first(self) -> None:
        """Move the cursor to the first row."""
        self.move_cursor(0)

    def action_last(self) -> None:
        """Move the cursor to the last row."""
        self.move_cursor(len(self._keys) - 1)

    def action_select(self) -> None:
        """Report that the row under the cursor was chosen."""
        if self._keys:
            self.post_message(self.Selected())

    # the mouse ---------------------------------------------------------------------------------

    def on_click(self, event: Click) -> None:
        """Put the cursor on the clicked row, or select the row under the cursor; report a click on a heading."""
        place = event.get_content_offset(self)
        if place is None:
            return
        if place.y < self.heading_height:
            column = self._column_at(place.x)
            if column is not None:
                self.post_message(self.HeadingClicked(column))
        elif (row := self._row_at(place.y)) == self.cursor_row:
            self.action_select()
        elif row is not None:
            self.move_cursor(row)

    def _column_at(self, x: int) -> str | None:
        for key, width in self._columns:
            if x < width + GAP:
                return key
            x -= width + GAP
        return None

    def on_mouse_move(self, event: MouseMove) -> None:
        """Highlight the row below the mouse."""
        place = event.get_content_offset(self)
        self._hover(self._row_at(place.y) if place else None)

    def on_leave(self, event: Leave) -> None:
        """Highlight no row."""
        self._hover(None)

    def _hover(self, row: int | None) -> None:
        if row != self._hovered:
            before, self._hovered = self._hovered, row
            self._refresh_row(before)
            self._refresh_row(row)


def _line(heading: Text, number: int) -> Text:
    """Return one of a heading's lines, blank where it has fewer."""
    lines = heading.split("\n")
    return lines[number] if number < len(lines) else Text()


def _are_same(some: Cells, others: Cells) -> bool:
    return some is others or all(map(is_same, some, others))
