"""The rows of a log: only visible ones are read and drawn, however long the log is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from b4r_tui.app.lifecycle import while_mounted
from b4r_tui.app.widgets.palette import palette_of
from b4r_tui.runs.logs.levels import Level

if TYPE_CHECKING:
    from b4r_tui.runs.logs.reading import Page

CACHED_ROWS = 1024
LONGEST_SHOWN = 5000  # characters of a row; no screen shows more
NAME_WIDTH = 8

FILTER_HELP = "Show only matching lines"


class LogLines(ScrollView, can_focus=True):
    """Shows a page of a log; follows its end until the user scrolls up."""

    DEFAULT_CSS = """
    LogLines {
        background: transparent;
        height: 1fr;
        padding: 0 1;
        &:focus { background-tint: transparent 0%; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "follow", "Follow", tooltip="Follow (tail) on/off"),
        Binding("slash", "ask('search')", "Search", key_display="/", tooltip="Search the log", priority=True),
        Binding("ampersand", "ask('filter')", "Filter", key_display="&", tooltip=FILTER_HELP, priority=True),
        Binding("g", "scroll_home", "Start", show=False, tooltip="Go to the start"),
        Binding("G", "scroll_end", "End", show=False, tooltip="Go to the end and follow"),
        Binding("j", "scroll_down", "Down", show=False),
        Binding("k", "scroll_up", "Up", show=False),
    ]

    @dataclass
    class Moved(Message):
        """Other rows are visible, or following was switched on or off."""

    def __init__(self, ask: Callable[[str], object] = str) -> None:
        """ask: called synchronously with `search` or `filter`, so that the next keys go to the input."""
        super().__init__()
        self._ask = ask
        self.styles.scrollbar_size_horizontal = 0  # a small terminal has no line to spare
        self.page: Page | None = None
        self.following = True
        self.current: int | None = None  # the row that was jumped to or clicked
        self._is_scrolling = False  # by the program, not by the user
        self._widest = 0
        self._strips: LRUCache[tuple[int, bool, int], Strip] = LRUCache(CACHED_ROWS)

    def show(self, page: Page | None) -> None:
        """Show a page; the first visible row stays where it is unless the end is followed."""
        before, self.page = self.page, page
        if page is None or before is None or page.document is not before.document:
            self._widest, self.current, self.following = 0, None, True
        if page is None or before is None or page.wish != before.wish or page.document is not before.document:
            self._strips.clear()
        top = self._top_row(before) if before and page and page.wish.shown != before.wish.shown else None
        self._fit()
        if self.following:
            self._scroll_now(self.max_scroll_y)
        elif top is not None and page:
            self._scroll_now(page.position_of(top))
        self.refresh()

    def jump(self, row: int) -> None:
        """Make a row the current one and scroll to it, with some rows above it."""
        if self.page is None:
            return
        self.current, self.following = row, False
        position, height = self.page.position_of(row), self.scrollable_content_region.height
        if not self.scroll_offset.y <= position < self.scroll_offset.y + height:
            self._scroll_now(max(0, position - height // 3))
        self.refresh()
        self.post_message(self.Moved())

    def top(self) -> int:
        """Return the first visible row."""
        return self._top_row(self.page) if self.page else 0

    def redraw(self) -> None:
        """Draw again, in the colours of a new theme."""
        self._strips.clear()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw one line of the widget."""
        width, position = self.scrollable_content_region.width, self.scroll_offset.y + y
        if self.page is None or position >= self.page.shown:
            return Strip.blank(width, self.rich_style)
        row = self.page.row_at(position)
        strip = self._strip(row).crop_extend(self.scroll_offset.x, self.scroll_offset.x + width, None)
        return strip.apply_style(self.rich_style)

    def action_ask(self, purpose: str) -> None:
        """Ask what to search for or to filter by."""
        self._ask(purpose)

    def action_follow(self) -> None:
        """Switch following on or off."""
        self.following = not self.following
        if self.following:
            self._scroll_now(self.max_scroll_y)
        self.post_message(self.Moved())

    def action_scroll_end(self) -> None:
        """Go to the end and follow it."""
        self.following = True
        self._scroll_now(self.max_scroll_y)
        self.post_message(self.Moved())

    def action_scroll_home(self) -> None:
        """Go to the start."""
        self.following = self.max_scroll_y == 0
        self._scroll_now(0)
        self.post_message(self.Moved())

    def on_click(self, event: Click) -> None:
        """Make the clicked row the current one."""
        place = event.get_content_offset(self)
        position = self.scroll_offset.y + place.y if place else -1
        if self.page and 0 <= position < self.page.shown:
            self.jump(self.page.row_at(position))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Stop following when the user scrolls up, and follow again at the end. A resize is neither."""
        super().watch_scroll_y(old_value, new_value)
        if not self._is_scrolling and round(old_value) != round(new_value):
            at_end = new_value >= self.max_scroll_y
            self.following = at_end and (self.following or new_value > old_value)
            self.post_message(self.Moved())

    def _scroll_now(self, y: int) -> None:
        self._is_scrolling = True
        self.set_scroll(None, min(y, self.max_scroll_y))
        self.scroll_target_y = self.scroll_y
        self.vertical_scrollbar.position = self.scroll_y  # Textual does not update a hidden scroll bar
        self._is_scrolling = False

    def _fit(self) -> None:
        """Fit the scroll bars to the page."""
        size = Size(self._widest, self.page.shown if self.page else 0)
        if size != self.virtual_size:
            self._is_scrolling = True
            self.virtual_size = size
            self._is_scrolling = False

    def _top_row(self, page: Page) -> int:
        position = min(self.scroll_offset.y, page.shown - 1)
        return page.row_at(position) if position >= 0 else 0

    def _strip(self, row: int) -> Strip:
        page = self.page
        assert page is not None
        source, line = page.document.place(row)
        index = page.document.sources[source]
        growing = 0 if line < index.complete else index.size
        key = (row, row == self.current, growing * 2 + (row < page.levels.done))
        strip = self._strips.get(key)
        if strip is None:
            text = self._text(row)
            strip = Strip(text.render(self.app.console), cell_len(text.plain))
            self._strips[key] = strip
            if strip.cell_length > self._widest:
                self._widest = strip.cell_length
                self.call_later(while_mounted(self, self._fit))
        return strip

    def _text(self, row: int) -> Text:
        page, palette = self.page, palette_of(self.app)
        assert page is not None
        line = page.document.text(row)
        line = line if len(line) <= LONGEST_SHOWN else line[:LONGEST_SHOWN] + "…"
        text = Text(line, self._style_of(row), end="")
        for query in filter(None, (page.wish.searched, page.wish.shown.query)):
            for start, end in query.spans(line):
                text.stylize("reverse", start, end)
        name = page.document.names[page.document.place(row)[0]]
        mark = "▸" if row == self.current else "│"
        return Text.assemble(
            (f"{name:>{NAME_WIDTH}} ", palette.faint), (f"{mark} ", palette.faint), text, end=""
        )

    def _style_of(self, row: int) -> str:
        page, palette = self.page, palette_of(self.app)
        assert page is not None
        if row >= page.levels.done:
            return ""
        for level, colour in (
            (Level.ERROR, palette.failed),
            (Level.WARNING, palette.stopped),
            (Level.INFO, ""),
        ):
            if page.levels.is_at_least(row, row + 1, level)[0]:
                return colour
        return palette.faint
