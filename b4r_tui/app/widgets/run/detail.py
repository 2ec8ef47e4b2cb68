"""One run, closer: a headline, and tabs from its epochs to the machine it ran on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Static, TabbedContent, TabPane

from b4r_tui.app.lifecycle import while_mounted
from b4r_tui.app.widgets.change_tracker import News
from b4r_tui.app.widgets.palette import Palette, palette_of
from b4r_tui.app.widgets.run.crash_card import CrashCard
from b4r_tui.app.widgets.run.job_line import JobLine
from b4r_tui.common.format import duration

if TYPE_CHECKING:
    from b4r_tui.app.jobs import Job
    from b4r_tui.app.snapshot import RunView
    from b4r_tui.app.widgets.log.log_tab import LogView
    from b4r_tui.app.widgets.run.curves_tab import Curves
    from b4r_tui.app.widgets.run.programs_tab import AfterView

TAB_WIDGETS = {
    "epochs": ("b4r_tui.app.widgets.run.epochs_tab", "EpochTable"),
    "curves": ("b4r_tui.app.widgets.run.curves_tab", "Curves"),
    "log": ("b4r_tui.app.widgets.log.log_tab", "LogView"),
    "config": ("b4r_tui.app.widgets.run.config_tab", "ConfigView"),
    "results": ("b4r_tui.app.widgets.run.results_tab", "ResultsView"),
    "data": ("b4r_tui.app.widgets.run.data_tab", "DataView"),
    "after": ("b4r_tui.app.widgets.run.programs_tab", "AfterView"),
    "environment": ("b4r_tui.app.widgets.run.environment_tab", "EnvironmentView"),
}
TABS = tuple(TAB_WIDGETS)
AHEAD = 1.0  # seconds after the first run is shown, when all there is to see at a start has been drawn


class RunTab(Protocol):
    """What every tab can do."""

    async def show(self, view: RunView) -> None:
        """Show a run."""

    async def redraw(self) -> None:
        """Draw again, in the colours of a new theme."""

    def rest(self) -> None:
        """Nobody looks: do nothing until the next `show`."""


class RunDetail(Vertical):
    """Shows the run it is given; only the tab on top is kept up to date."""

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
        self._nothing = ""
        self._beside: list[RunView] = []
        self._metric: tuple[str, str] | None = None
        self._news = News()
        self._first_tab = TABS[0]
        self._content: TabbedContent | None = None
        self._wants_keys = ""  # a tab that was to have the keys before it was filled
        self._turn = asyncio.Lock()  # a tab is made and filled by one task at a time

    def compose(self) -> ComposeResult:
        """The headline; the tabs come with the first run, so that nobody waits for them before."""
        yield Static(id="headline")
        yield JobLine(id="job")
        yield CrashCard(id="card")

    async def show(
        self,
        view: RunView | None,
        now: float,
        beside: Sequence[RunView] = (),
        metric: tuple[str, str] | None = None,
        nothing: str = "",
    ) -> None:
        """Show a run as it is at `now`, or say `nothing`. beside: runs whose curves are drawn too, by this metric."""
        self._view, self._now, self._nothing = view, now, nothing
        self._beside, self._metric = list(beside), metric
        palette = palette_of(self.app)
        title = title_of(view, palette) if view else Text("Run")
        if self._news.of("title", title):
            self.border_title = title
        said = facts_of(view, now, palette) if view else Text(nothing, palette.faint)
        if self._news.of("headline", said):
            self.query_one("#headline", Static).update(said, layout=False)  # it is one line high, always
        self.query_one(CrashCard).show(view)
        async with self._turn:
            if view and self._content is None and self.is_attached:  # the app may be ending
                tabs = new_tabs(self._first_tab)
                await self.mount(tabs)
                self._content = tabs
                self.set_timer(AHEAD, while_mounted(self, self._import_ahead))
        if self._content is not None:
            self._content.display = view is not None
        await self._show_tab()

    def _import_ahead(self) -> None:
        self.run_worker(import_tabs, thread=True, group="ahead", exit_on_error=False)

    def show_job(self, job: Job | None) -> None:
        """Show how far an action on this run is, or that there is none."""
        self.query_one(JobLine).show(job)

    def read_results_again(self) -> None:
        """An action has ended: there may be something new in the tab of results after training."""
        for child in self.query("AfterView"):
            cast("AfterView", child).read_again()

    async def redraw(self) -> None:
        """Draw again, in the colours of a new theme."""
        for tab in self._tabs():
            await tab.redraw()
        await self.show(self._view, self._now, self._beside, self._metric, self._nothing)

    @property
    def shows_log(self) -> bool:
        """Whether the log is on top."""
        return self._content is not None and self._content.active == "log"

    @property
    def has_log_focus(self) -> bool:
        """Whether keys go to the log, which has a search of its own."""
        focused = self.screen.focused
        return focused is not None and any(
            type(node).__name__ == "LogView" for node in focused.ancestors_with_self
        )

    def search_log(self) -> bool:
        """Let the person type what to search in the log; whether there is one."""
        for view in self.query("LogView"):
            cast("LogView", view).ask("search")
            return True
        return False

    def open_tab(self, name: str) -> None:
        """Bring a tab to the top; where it is there already, let it have the keys."""
        if self._content is not None:
            if self._content.active == name:
                self._enter(name)
            self._content.active = name

    def restore_tab(self, name: str) -> None:
        """The tab of the last start on top, now or with the first run; the keys stay where they are."""
        self._first_tab = name
        if self._content is not None:
            self._content.active = name

    def enter(self) -> None:
        """Let the tab on top have the keys."""
        for tabs in self.query(TabbedContent):
            self._enter(tabs.active)

    def _enter(self, name: str) -> None:
        """Focus the first part of a tab that takes keys."""
        for child in self.query_one(f"#{name}", TabPane).query("*"):
            if child.focusable:
                self.screen.set_focus(child)
                return
        self._wants_keys = name

    async def on_tabbed_content_tab_activated(self) -> None:
        """Another tab is on top: bring it up to date."""
        await self._show_tab()

    def _tabs(self, active: str | None = None) -> Iterator[RunTab]:
        """The tabs that were opened so far, but for the active one."""
        for name in TABS if self._content else ():
            for child in self._pane(name).children if name != active else ():
                yield cast(RunTab, child)

    def _pane(self, name: str) -> TabPane:
        assert self._content is not None
        return self._content.get_pane(name)

    async def _show_tab(self) -> None:
        """Bring the tab on top up to date; the others rest."""
        async with self._turn:
            await self._fill_tab()

    async def _fill_tab(self) -> None:
        active = self._content.active if self._content else ""
        for tab in self._tabs(active if self._view else None):
            tab.rest()
        if self._view is None or not active or not self.is_attached:
            return
        pane = self._pane(active)
        if not pane.children:
            await pane.mount(new_tab(active))
        if active == "curves":
            cast("Curves", pane.children[0]).put_beside(self._beside, self._metric)
        await cast(RunTab, pane.children[0]).show(self._view)
        if self._wants_keys == active:
            self._enter(active)
        self._wants_keys = ""


def new_tabs(first: str) -> TabbedContent:
    """All tabs, empty as yet, one of them on top."""
    tabs = TabbedContent(initial=first)
    for name in TABS:
        tabs.compose_add_child(TabPane(name.capitalize(), id=name))
    return tabs


def new_tab(name: str) -> Widget:
    """The widget of a tab; its module is imported when it is first opened, or ahead of that."""
    module, kind = TAB_WIDGETS[name]
    return cast(Widget, getattr(import_module(module), kind)())


def import_tabs() -> None:
    """Import the modules of all tabs, so that the first key that opens one waits for none."""
    for module, _ in TAB_WIDGETS.values():
        import_module(module)


def title_of(view: RunView, palette: Palette) -> Text:
    """State and name of a run."""
    return Text.assemble(
        palette.badge(view.state), "  ", (view.run.experiment, "bold"), " ", (view.run.run_id, palette.faint)
    )


def facts_of(view: RunView, now: float, palette: Palette) -> Text:
    """What is going on, in one line; of a failed run, why."""
    failed = view.state.value == "failed"
    error = (view.progress.error or "see the log").partition("\n")[0] if failed else ""
    parts = [Text(error, palette.failed)] if error else []
    parts += [Text(fact) for fact in _pace(view, now) + _place(view)]
    return Text("  ·  ", palette.faint).join(parts)


def _pace(view: RunView, now: float) -> list[str]:
    """Phase and time of a running run; how long an ended one took."""
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
    """Where it runs, and how much memory it takes there."""
    started, memory = view.progress.started, view.progress.memory_mb
    facts = [f"{started.mode} × {started.world_size} on {started.device}"] if started else []
    return facts + ([f"{memory:,.0f} MB"] if memory and not view.state.ended else [])
