"""One run, closer: a headline and tabs for epochs, curves, log, configuration and results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static, TabbedContent, TabPane

from b4r_tui.widgets import numbers
from b4r_tui.widgets.config_view import ConfigView
from b4r_tui.widgets.curves import Curves
from b4r_tui.widgets.epoch_table import EpochTable
from b4r_tui.widgets.log_view import LogView
from b4r_tui.widgets.palette import Palette, palette_of
from b4r_tui.widgets.results_view import ResultsView

if TYPE_CHECKING:
    from b4r_tui.feed import RunView

TABS = ("epochs", "curves", "log", "config", "results")


class RunDetail(Vertical):
    """Shows the run it is given; only the tab on top is kept up to date."""

    DEFAULT_CSS = """
    RunDetail {
        #headline { height: 1; padding: 0 1; }
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

    def compose(self) -> ComposeResult:
        """The headline above the tabs."""
        yield Static(id="headline")
        with TabbedContent(initial="epochs"):
            for name, widget in zip(
                TABS, (EpochTable, Curves, LogView, ConfigView, ResultsView), strict=True
            ):
                with TabPane(name.capitalize(), id=name):
                    yield widget()

    async def show(self, view: RunView | None, now: float) -> None:
        """Show a run as it is at `now`, or nothing."""
        self._view, self._now = view, now
        self.query_one(TabbedContent).display = view is not None
        palette = palette_of(self.app)
        self.border_title = title_of(view, palette) if view else "Run"
        self.query_one("#headline", Static).update(facts_of(view, now, palette) if view else "")
        await self._show_tab()

    async def redraw(self) -> None:
        """Draw again, in the colours of a new theme."""
        for widget in (self.query_one(EpochTable), self.query_one(ConfigView), self.query_one(ResultsView)):
            widget.redraw()
        await self.query_one(Curves).redraw()
        await self.show(self._view, self._now)

    def open_tab(self, name: str) -> None:
        """Bring a tab to the top."""
        self.query_one(TabbedContent).active = name

    async def on_tabbed_content_tab_activated(self) -> None:
        """Another tab is on top: bring it up to date."""
        await self._show_tab()

    async def _show_tab(self) -> None:
        top = self.query_one(TabbedContent).active
        if top != "log" or self._view is None:
            self.query_one(LogView).pause()
        if self._view is None:
            return
        if top == "curves":
            await self.query_one(Curves).show(self._view)
        elif top == "epochs":
            self.query_one(EpochTable).show(self._view)
        elif top == "log":
            self.query_one(LogView).show(self._view)
        elif top == "config":
            self.query_one(ConfigView).show(self._view)
        elif top == "results":
            self.query_one(ResultsView).show(self._view)


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
    line = Text("  ·  ", palette.faint, no_wrap=True, overflow="ellipsis").join(parts)
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _pace(view: RunView, now: float) -> list[str]:
    """Phase and time of a running run; how long an ended one took."""
    progress = view.progress
    if view.state.ended:
        return [f"took {numbers.duration(progress.seconds)}"] if progress.seconds else []
    if view.state.value == "queued":
        return ["waiting for its turn"]
    step = f" {progress.step}/{progress.steps}" if progress.steps else ""
    facts = [f"{progress.phase}{step}"] if progress.phase else ["starting"]
    return facts + ([f"for {numbers.duration(now - progress.started_at)}"] if progress.started_at else [])


def _place(view: RunView) -> list[str]:
    """Where it runs, and how much memory it takes there."""
    started, memory = view.progress.started, view.progress.memory_mb
    facts = [f"{started.mode} × {started.world_size} on {started.device}"] if started else []
    return facts + ([f"{memory:,.0f} MB"] if memory and not view.state.ended else [])
