"""A run's logs: followed, searched, filtered and jumped through; the work is done in a worker thread."""

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
from b4r_tui.app.widgets.log.search_line import LogQuestion
from b4r_tui.app.widgets.log.status_line import moves_to, status_of
from b4r_tui.app.widgets.palette import palette_of
from b4r_tui.runs.logs.levels import Level
from b4r_tui.runs.logs.reading import Page, Reading, Wish

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView

PERIOD = 0.3  # seconds between looks at logs that do not grow
SLICE = 0.15  # seconds of work after which what is known is shown
LEVELS = (Level.DEBUG, Level.INFO, Level.WARNING, Level.ERROR)


class LogView(Vertical):
    """The rows, above them one line on what is shown, below them a question while there is one."""

    ALLOW_MAXIMIZE = True
    DEFAULT_CSS = """
    LogView {
        background: $background;
        #log-status { height: 1; padding: 0 1; color: $text-muted; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "next(1)", "Next", show=False, tooltip="Next match of the search"),
        Binding("N", "next(-1)", "Previous", show=False, tooltip="Match before"),
        Binding("v", "level", "Level", tooltip="Just lines of a level: info, warnings, errors, all"),
        Binding("o", "source", "Rank", tooltip="The log of one rank, of the launcher, or all"),
        Binding("E", "error", "Error", tooltip="Go to the next error, and after the last to the first"),
        Binding("y", "copy", "Copy", show=False, tooltip="Copy the current line"),
        Binding("z", "zoom", "Zoom", show=False, tooltip="The log on the whole screen, or no longer"),
        Binding("escape", "clear", "Clear", show=False, tooltip="Leave the search, then the filter"),
    ]

    @dataclass
    class Read(Message):
        """More is known of the logs of a run."""

        run_key: str
        page: Page

    def __init__(self) -> None:
        super().__init__()
        self._run_key = ""
        self._wish = Wish()
        self._seen = Wish()  # the search whose first match was jumped to
        self._anchor = 0  # the row from which that match is sought
        self._reading: Reading | None = None
        self._wake = threading.Event()
        self._drawn = threading.Event()

    def compose(self) -> ComposeResult:
        """Status, rows, question."""
        yield Static(id="log-status")
        yield LogLines(self.ask)
        yield LogQuestion()

    @property
    def lines(self) -> LogLines:
        """The rows."""
        return self.query_one(LogLines)

    async def show(self, view: RunView) -> None:
        """Follow the logs of a run."""
        if view.key == self._run_key:
            return
        self._run_key = view.key
        self._wish = self._seen = replace(self._wish, searched=None)
        self.lines.show(None)
        self._reading = Reading(view.run.log_paths)
        self._reading.wish(self._wish)
        self._read(self._reading, view.key)

    async def redraw(self) -> None:
        """Draw again, in the colours of a new theme."""
        self.lines.redraw()
        self._show_status()

    def rest(self) -> None:
        """Stop reading: nobody looks."""
        self.workers.cancel_node(self)
        self._run_key = ""
        self._wake.set()
        self._drawn.set()

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _read(self, reading: Reading, key: str) -> None:
        """Work in short slices; a page is posted only when the one before it is on screen."""
        worker = get_current_worker()
        while not worker.is_cancelled:
            if reading.work(SLICE):
                self._drawn.clear()
                self.post_message(self.Read(key, reading.page()))
                self._drawn.wait(1.0)
            else:
                self._wake.wait(PERIOD)
                self._wake.clear()

    def on_log_view_read(self, message: Read) -> None:
        """Show what is known, unless another run is shown by now."""
        self._drawn.set()
        if message.run_key != self._run_key:
            return
        self.lines.show(message.page)
        searched = message.page.wish.searched
        if searched != self._seen.searched and (len(message.page.hits) or message.page.share_searched == 1):
            self._seen = message.page.wish
            if searched is not None:
                self._go(moves_to(message.page.hits, self._anchor - 1, 1))
        self._show_status()

    def on_log_lines_moved(self) -> None:
        """Tell what is in sight now."""
        self._show_status()

    def on_resize(self) -> None:
        """Keep the end in sight."""
        self.call_after_refresh(while_mounted(self, lambda: self.lines.show(self.lines.page)))

    def on_log_question_asked(self, message: LogQuestion.Asked) -> None:
        """Search or filter by what was typed; nothing typed: no longer."""
        query = message.query
        if message.purpose == "search":
            self._want(replace(self._wish, searched=query))
        else:
            self._want(replace(self._wish, shown=replace(self._wish.shown, query=query)))

    def on_log_question_left(self) -> None:
        """Back to the rows."""
        self.screen.set_focus(self.lines)

    def ask(self, purpose: str) -> None:
        """Ask what to search or to filter by."""
        self._anchor = self.lines.top() if self.lines.current is None else self.lines.current
        before = self._wish.searched if purpose == "search" else self._wish.shown.query
        self.query_one(LogQuestion).ask(purpose, before)

    def action_next(self, step: int) -> None:
        """The next match of the search, or with -1 the one before."""
        page = self.lines.page
        if page is None or self._wish.searched is None:
            return
        at = self.lines.current
        self._go(moves_to(page.hits, self.lines.top() if at is None else at, step))

    def action_error(self) -> None:
        """The next error among the rows shown."""
        page = self.lines.page
        if page is None:
            return
        errors = page.shown_of(page.levels.heads(Level.ERROR))
        at = self.lines.current
        self._go(moves_to(errors, -1 if at is None else at, 1))
        if not len(errors):
            self.notify("There is no error in it.", timeout=2)

    def action_level(self) -> None:
        """The next level from which rows are shown."""
        level = LEVELS[(LEVELS.index(self._wish.shown.level) + 1) % len(LEVELS)]
        self._want(replace(self._wish, shown=replace(self._wish.shown, level=level)))

    def action_source(self) -> None:
        """The next log, after the last all of them."""
        page = self.lines.page
        choices = [None, *(page.document.names if page else [])]
        now = self._wish.shown.source
        source = choices[(choices.index(now) + 1) % len(choices)] if now in choices else None
        self._want(replace(self._wish, shown=replace(self._wish.shown, source=source)))

    def action_copy(self) -> None:
        """Copy the current row, or else the first in sight."""
        page = self.lines.page
        if page and page.count:
            row = self.lines.top() if self.lines.current is None else self.lines.current
            self.app.copy_to_clipboard(page.document.text(row))
            self.notify("Line copied", timeout=2)

    def action_zoom(self) -> None:
        """The whole screen, or no longer."""
        if self.screen.maximized is None:
            self.screen.maximize(self, container=False)
        else:
            self.screen.minimize()

    def action_clear(self) -> None:
        """Leave the search; where there is none, the filter; where there is none, the whole screen."""
        if self._wish.searched is not None:
            self._want(replace(self._wish, searched=None))
        elif not self._wish.shown.shows_all:
            self._want(Wish())
        else:
            self.screen.minimize()

    def _want(self, wish: Wish) -> None:
        """Ask the worker for something else."""
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
