"""The tab with a run's logs: follow, search, filter, jump. A worker thread reads them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static
from textual.worker import get_current_worker

from b4r_tui.app.lifecycle import while_mounted
from b4r_tui.app.widgets.log.lines import LogLines
from b4r_tui.app.widgets.log.search_line import SearchLine
from b4r_tui.app.widgets.log.status_line import next_row, status_of
from b4r_tui.app.widgets.palette import palette_of
from b4r_tui.app.widgets.run_tab import RunTab
from b4r_tui.runs.logs.levels import Level
from b4r_tui.runs.logs.reading import Page, Reading, Wish

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView

PERIOD = 0.3  # seconds between polls of logs that do not grow
SLICE = 0.15  # seconds of work after which the result so far is shown
LEVELS = (Level.DEBUG, Level.INFO, Level.WARNING, Level.ERROR)


class LogTab(Vertical, RunTab):
    """A status line, the rows, and a search line while the user types."""

    ALLOW_MAXIMIZE = True
    DEFAULT_CSS = """
    LogTab {
        background: $background;
        #log-status { height: 1; padding: 0 1; color: $text-muted; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "next(1)", "Next", show=False, tooltip="Next match of the search"),
        Binding("N", "next(-1)", "Previous", show=False, tooltip="Previous match of the search"),
        Binding("v", "level", "Level", tooltip="Next minimum level: info, warning, error, all"),
        Binding("o", "source", "Rank", tooltip="Next log: of one rank, of the launcher, or all"),
        Binding("E", "error", "Error", tooltip="Next error (wraps)"),
        Binding("y", "copy", "Copy", show=False, tooltip="Copy the current line"),
        Binding("z", "zoom", "Zoom", show=False, tooltip="Full screen on/off"),
        Binding("escape", "clear", "Clear", show=False, tooltip="Clear the search; then the filter"),
    ]

    @dataclass
    class Read(Message):
        """More of the logs of a run was read."""

        run_key: str
        page: Page

    def __init__(self) -> None:
        super().__init__()
        self._run_key = ""
        self._wish = Wish()
        self._jumped = Wish()  # the search whose first match was jumped to
        self._anchor = 0  # the row from which that match is searched
        self._reading: Reading | None = None
        self._wake = threading.Event()
        self._drawn = threading.Event()

    def compose(self) -> ComposeResult:
        """Yield the status line, the rows and the search line."""
        yield Static(id="log-status")
        yield LogLines(self._ask)
        yield SearchLine()

    @property
    def lines(self) -> LogLines:
        """Return the rows."""
        return self.query_one(LogLines)

    async def show(self, view: RunView) -> None:
        """Follow the logs of a run."""
        if view.key == self._run_key:
            return
        self._run_key = view.key
        self._wish = self._jumped = replace(self._wish, searched=None)
        self.lines.show(None)
        self._reading = Reading(view.run.log_paths)
        self._reading.wish(self._wish)
        self._read(self._reading, view.key)

    async def redraw(self) -> None:
        """Draw again, in the colours of a new theme."""
        self.lines.redraw()
        self._show_status()

    def pause(self) -> None:
        """Stop reading."""
        self.workers.cancel_node(self)
        self._run_key = ""
        self._wake.set()
        self._drawn.set()

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _read(self, reading: Reading, key: str) -> None:
        """Work in short slices; post a page only when the previous one is on screen."""
        worker = get_current_worker()
        while not worker.is_cancelled:
            if reading.work(SLICE):
                self._drawn.clear()
                self.post_message(self.Read(key, reading.page()))
                self._drawn.wait(1.0)
            else:
                self._wake.wait(PERIOD)
                self._wake.clear()

    def on_log_tab_read(self, message: Read) -> None:
        """Show what was read, unless another run is shown by now."""
        self._drawn.set()
        if message.run_key != self._run_key:
            return
        self.lines.show(message.page)
        searched = message.page.wish.searched
        if searched != self._jumped.searched and (len(message.page.hits) or message.page.share_searched == 1):
            self._jumped = message.page.wish
            if searched is not None:
                self._go(next_row(message.page.hits, self._anchor - 1, 1))
        self._show_status()

    def on_log_lines_moved(self) -> None:
        """Show the state of the visible rows."""
        self._show_status()

    def on_resize(self) -> None:
        """Keep the end visible."""
        self.call_after_refresh(while_mounted(self, lambda: self.lines.show(self.lines.page)))

    def on_search_line_query_changed(self, message: SearchLine.QueryChanged) -> None:
        """Search or filter by what was typed; end it where nothing is."""
        query = message.query
        if message.purpose == "search":
            self._apply(replace(self._wish, searched=query))
        else:
            self._apply(replace(self._wish, shown=replace(self._wish.shown, query=query)))

    def on_search_line_left(self) -> None:
        """Focus the rows."""
        self.screen.set_focus(self.lines)

    def search(self) -> bool:
        """Let the user type what to search."""
        self._ask("search")
        return True

    def _ask(self, purpose: str) -> None:
        """Ask what to search for or to filter by."""
        self._anchor = self.lines.top() if self.lines.current is None else self.lines.current
        before = self._wish.searched if purpose == "search" else self._wish.shown.query
        self.query_one(SearchLine).ask(purpose, before)

    def action_next(self, step: int) -> None:
        """Go to the next match of the search, or with -1 to the previous one."""
        page = self.lines.page
        if page is None or self._wish.searched is None:
            return
        at = self.lines.current
        self._go(next_row(page.hits, self.lines.top() if at is None else at, step))

    def action_error(self) -> None:
        """Go to the next error among the rows shown."""
        page = self.lines.page
        if page is None:
            return
        errors = page.shown_of(page.levels.heads(Level.ERROR))
        at = self.lines.current
        self._go(next_row(errors, -1 if at is None else at, 1))
        if not len(errors):
            self.notify("No errors", timeout=2)

    def action_level(self) -> None:
        """Show rows from the next level on."""
        level = LEVELS[(LEVELS.index(self._wish.shown.level) + 1) % len(LEVELS)]
        self._apply(replace(self._wish, shown=replace(self._wish.shown, level=level)))

    def action_source(self) -> None:
        """Show the next log; after the last, all of them."""
        page = self.lines.page
        choices = [None, *(page.document.names if page else [])]
        now = self._wish.shown.source
        source = choices[(choices.index(now) + 1) % len(choices)] if now in choices else None
        self._apply(replace(self._wish, shown=replace(self._wish.shown, source=source)))

    def action_copy(self) -> None:
        """Copy the current row, or else the first visible one."""
        page = self.lines.page
        if page and page.count:
            row = self.lines.top() if self.lines.current is None else self.lines.current
            self.app.copy_to_clipboard(page.document.text(row))
            self.notify("Line copied", timeout=2)

    def action_zoom(self) -> None:
        """Switch full screen on or off."""
        if self.screen.maximized is None:
            self.screen.maximize(self, container=False)
        else:
            self.screen.minimize()

    def action_clear(self) -> None:
        """Clear the search; without one, the filter; without one, leave full screen."""
        if self._wish.searched is not None:
            self._apply(replace(self._wish, searched=None))
        elif not self._wish.shown.shows_all:
            self._apply(Wish())
        else:
            self.screen.minimize()

    def _apply(self, wish: Wish) -> None:
        """Let the worker search or filter differently."""
        self._wish = wish
        if self._reading is not None:
            self._reading.wish(wish)
        self._wake.set()
        self._show_status()

    def _go(self, row: int | None) -> None:
        if row is not None:
            self.lines.jump(row)

    def _show_status(self) -> None:
        status = status_of(self.lines.page, self._wish, self.lines, palette_of(self.app))
        self.query_one("#log-status", Static).update(status)
