"""The tab with a run's machine, software and attempts, read in a worker when shown and when its state changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static
from textual.worker import get_current_worker

from b4r_tui.app.widgets.palette import Palette, palette_of
from b4r_tui.app.widgets.run_tab import RunTab
from b4r_tui.common.format import duration, moment

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView
    from b4r_tui.runs.attempts import Attempt

WAITING = "No data yet: shown once the ranks have started."


class EnvironmentTab(VerticalScroll, RunTab, can_focus=True):
    """Shows attempts above facts."""

    DEFAULT_CSS = """
    EnvironmentTab {
        padding: 0 1;
        .card { height: auto; padding: 0 1; }
    }
    """

    @dataclass
    class Read(Message):
        """The files of a run were read."""

        key: str
        facts: dict[str, str]
        attempts: list[Attempt]

    def __init__(self) -> None:
        super().__init__()
        self._key: tuple[str, str, bool] | None = None
        self._read_last: EnvironmentTab.Read | None = None

    def compose(self) -> ComposeResult:
        """Yield one card."""
        yield Static(classes="card")

    async def show(self, view: RunView) -> None:
        """Show a run; read its files again where its state has changed or it has started."""
        key = (view.key, view.state.value, view.progress.started is not None)
        if key != self._key:
            self._key = key
            self._read(view)

    @work(thread=True, exclusive=True)
    def _read(self, view: RunView) -> None:
        from b4r_tui.runs.attempts import attempts_of
        from b4r_tui.runs.environment import environment_facts

        message = self.Read(view.key, environment_facts(view.run.dir), attempts_of(view.run.dir))
        if not get_current_worker().is_cancelled:
            self.post_message(message)

    async def on_environment_tab_read(self, message: Read) -> None:
        """Show what was read, unless another run is on screen by now."""
        if self._key and message.key == self._key[0]:
            self._read_last = message
            await self.redraw()

    async def redraw(self) -> None:
        """Draw again, in the colours of a new theme."""
        if self._read_last is not None:
            palette = palette_of(self.app)
            attempts = attempts_table(self._read_last.attempts, palette)
            facts = facts_of(self._read_last.facts, palette)
            self.query_one(".card", Static).update(Group(attempts, Text(), facts))


def facts_of(facts: dict[str, str], palette: Palette) -> RenderableType:
    """Return a line per fact."""
    if not facts:
        return Text(WAITING, palette.faint)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    for label, value in facts.items():
        table.add_row(Text(label, palette.faint), Text(value, palette.strong))
    return table


def attempts_table(attempts: list[Attempt], palette: Palette) -> Table:
    """Return when each attempt began, how long it took and how it ended."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=palette.faint)
    for label in ("attempt", "started", "took", "ranks", "ended"):
        table.add_column(label, no_wrap=label != "ended", justify="right" if label == "attempt" else "left")
    for one in attempts:
        took = one.ended.ended_at - one.started_at if one.ended and one.started_at else None
        ranks = "" if one.ranks is None else str(one.ranks)
        cells = (str(one.number), moment(one.started_at), duration(took), ranks, ending(one))
        table.add_row(*map(Text, cells))
    return table


def ending(attempt: Attempt) -> str:
    """Return how an attempt ended, in one line."""
    if attempt.ended is None:
        return "" if attempt.started_at is None else "still running"
    error = (attempt.ended.error or "").partition("\n")[0]
    return f"{attempt.ended.reason}: {error}" if error else attempt.ended.reason
