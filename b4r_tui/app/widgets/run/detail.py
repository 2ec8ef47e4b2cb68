"""The pane of one run: a headline, and tabs from its epochs to the machine it ran on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static, TabbedContent, TabPane

from b4r_tui.app.lifecycle import while_mounted
from b4r_tui.app.widgets.change_tracker import ChangeTracker
from b4r_tui.app.widgets.palette import Palette, palette_of
from b4r_tui.app.widgets.run import tabs
from b4r_tui.app.widgets.run.crash_card import CrashCard
from b4r_tui.app.widgets.run.job_line import JobLine
from b4r_tui.app.widgets.run.tabs import TABS
from b4r_tui.app.widgets.run_tab import RunTab
from b4r_tui.common.format import duration, memory

if TYPE_CHECKING:
    from b4r_tui.app.jobs import Job
    from b4r_tui.app.snapshot import RunView

IMPORT_DELAY = 1.0  # seconds after the first run is shown, when everything visible at start-up has been drawn


class RunDetail(Vertical):
    """Shows a run; only the active tab is kept up to date."""

    ALLOW_MAXIMIZE = True
    DEFAULT_CSS = """
    RunDetail {
        #headline { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        Tabs { height: 1; }
        #tabs-list-bar Underline { display: none; }
        Tab.-active { color: $primary; text-style: bold underline; }
        Tabs:focus Tab.-active { color: $block-cursor-foreground; background: $block-cursor-background; }
        TabbedContent { height: 1fr; }
        ContentSwitcher { height: 1fr; }
        TabPane { padding: 0; height: 1fr; }
    }
    """

    def __init__(self) -> None:
        super().__init__(id="detail")
        self._view: RunView | None = None
        self._now = 0.0
        self._empty_text = ""
        self._overlaid: list[RunView] = []
        self._metric: tuple[str, str] | None = None
        self._tracker = ChangeTracker()
        self._first_tab = TABS[0]
        self._content: TabbedContent | None = None
        self._focus_later = ""  # a tab that was to get the focus before it was filled
        self._lock = asyncio.Lock()  # tabs are mounted and filled by one task at a time

    def compose(self) -> ComposeResult:
        """Yield the headline; the tabs come with the first run, so that start-up does not wait for them."""
        yield Static(id="headline")
        yield JobLine(id="job")
        yield CrashCard(id="card")

    async def show(
        self,
        view: RunView | None,
        now: float,
        overlaid: Sequence[RunView] = (),
        metric: tuple[str, str] | None = None,
        empty_text: str = "",
    ) -> None:
        """Show a run as it is at `now`, or `empty_text`. overlaid: runs to draw curves of instead, by this metric."""
        self._view, self._now, self._empty_text = view, now, empty_text
        self._overlaid, self._metric = list(overlaid), metric
        palette = palette_of(self.app)
        title = title_of(view, palette) if view else Text("Run")
        if self._tracker.changed("title", title):
            self.border_title = title
        headline = facts_of(view, now, palette) if view else Text(empty_text, palette.faint)
        if self._tracker.changed("headline", headline):
            self.query_one("#headline", Static).update(headline, layout=False)  # always one line high
        self.query_one(CrashCard).show(view)
        async with self._lock:
            if view and self._content is None and self.is_attached:  # the app may be ending
                content = new_tabs(self._first_tab)
                await self.mount(content)
                self._content = content
                self.set_timer(IMPORT_DELAY, while_mounted(self, self._import_tabs))
        if self._content is not None:
            self._content.display = view is not None
        await self._show_tab()

    def _import_tabs(self) -> None:
        """Import the modules of all tabs in a thread, so that the first key that opens one does not wait."""
        self.run_worker(tabs.import_all, thread=True, group="import", exit_on_error=False)

    def show_job(self, job: Job | None) -> None:
        """Show the progress of a program on this run, or hide the line."""
        self.query_one(JobLine).show(job)

    def read_results_again(self) -> None:
        """Read the outputs again, since a program has ended."""
        for tab in self._opened():
            tab.read_again()

    async def redraw(self) -> None:
        """Draw again, in the colours of a new theme."""
        for tab in self._opened():
            await tab.redraw()
        await self.show(self._view, self._now, self._overlaid, self._metric, self._empty_text)

    @property
    def shows_log(self) -> bool:
        """Return whether the log is the active tab."""
        return self._content is not None and self._content.active == "log"

    @property
    def has_log_focus(self) -> bool:
        """Return whether keys go to the log, which has a search of its own."""
        focused = self.screen.focused
        return focused is not None and self.shows_log and self._pane("log") in focused.ancestors

    def search_log(self) -> bool:
        """Let the user type what to search in the log; return whether there is one."""
        return any(tab.search() for tab in self._opened())

    def open_tab(self, name: str) -> None:
        """Activate a tab; focus it where it is active already."""
        if self._content is not None:
            if self._content.active == name:
                self._enter(name)
            self._content.active = name

    def restore_tab(self, name: str) -> None:
        """Activate the tab of the last session, now or with the first run; the focus stays where it is."""
        self._first_tab = name
        if self._content is not None:
            self._content.active = name

    def enter(self) -> None:
        """Focus the active tab."""
        if self._content is not None:
            self._enter(self._content.active)

    def _enter(self, name: str) -> None:
        """Focus the first widget of a tab that takes keys."""
        for child in self._pane(name).query("*"):
            if child.focusable:
                self.screen.set_focus(child)
                return
        self._focus_later = name

    async def on_tabbed_content_tab_activated(self) -> None:
        """Bring the active tab up to date."""
        await self._show_tab()

    def _opened(self) -> Iterator[RunTab]:
        """Yield the tabs that have been opened."""
        for name in TABS if self._content else ():
            if tab := self._tab(name):
                yield tab

    def _tab(self, name: str) -> RunTab | None:
        """Return a tab where it has been opened. RunTab is not usable as a selector, since it is not the first base."""
        return next((child for child in self._pane(name).children if isinstance(child, RunTab)), None)

    def _pane(self, name: str) -> TabPane:
        assert self._content is not None
        return self._content.get_pane(name)

    async def _show_tab(self) -> None:
        """Bring the active tab up to date; pause the others."""
        async with self._lock:
            await self._fill_tab()

    async def _fill_tab(self) -> None:
        name = self._content.active if self._content else ""
        for opened in self._opened():
            if self._view is None or opened is not self._tab(name):
                opened.pause()
        if self._view is None or not name or not self.is_attached:
            return
        tab = self._tab(name)
        if tab is None:
            tab = tabs.new_tab(name)
            await self._pane(name).mount(tab)
        tab.overlay(self._overlaid, self._metric)
        await tab.show(self._view)
        if self._focus_later == name:
            self._enter(name)
        self._focus_later = ""


def new_tabs(first: str) -> TabbedContent:
    """Return all tabs, empty, one of them active."""
    content = TabbedContent(initial=first)
    for name in TABS:
        content.compose_add_child(TabPane(name.capitalize(), id=name))
    return content


def title_of(view: RunView, palette: Palette) -> Text:
    """Return the state and name of a run."""
    return Text.assemble(
        palette.badge(view.state), "  ", (view.run.experiment, "bold"), " ", (view.run.run_id, palette.faint)
    )


def facts_of(view: RunView, now: float, palette: Palette) -> Text:
    """Return what a run is doing, in one line; of a failed run, why it failed."""
    failed = view.state.value == "failed"
    error = (view.progress.error or "see the log").partition("\n")[0] if failed else ""
    parts = [Text(error, palette.failed)] if error else []
    parts += [Text(fact) for fact in _pace(view, now) + _place(view)]
    return Text("  ·  ", palette.faint).join(parts)


def _pace(view: RunView, now: float) -> list[str]:
    """Return phase and time of a running run; how long an ended one took."""
    progress = view.progress
    if view.state.ended:
        return [f"took {duration(progress.seconds)}"] if progress.seconds else []
    if view.state.value == "queued":
        return [view.waits or "waiting for its turn"]
    step = f" {progress.step}/{progress.steps}" if progress.steps else ""
    facts = [f"{progress.phase}{step}"] if progress.phase else ["starting"]
    facts += [view.waits] if view.waits else []
    return facts + ([f"for {duration(now - progress.started_at)}"] if progress.started_at else [])


def _place(view: RunView) -> list[str]:
    """Return where a run is running, and its memory there."""
    started, megabytes = view.progress.started, view.progress.memory_mb
    facts = [f"{started.mode} × {started.world_size} on {started.device}"] if started else []
    return facts + ([memory(megabytes)] if megabytes and not view.state.ended else [])
