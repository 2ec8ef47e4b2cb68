"""The tab with a run's data: data set, split, what each filter removed, and where its tables are placed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from b4r_tui.app.widgets.palette import Palette, palette_of
from b4r_tui.app.widgets.run_tab import RunTab
from b4r_tui.runs.data_funnel import COUNTS, Step, funnel_of
from b4r_tui.runs.sharding_rows import TITLES, plan_rows, size, total_bytes

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView

WAITING = "Data has not been read yet."
NO_FUNNEL = "The run did not report what its filters removed."


class DataTab(VerticalScroll, RunTab, can_focus=True):
    """Shows the data set, the split and the funnel of a run, once it has read them."""

    DEFAULT_CSS = """
    DataTab {
        padding: 0 1;
        .card { height: auto; padding: 0 1; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._dataset: dict[str, Any] | None = None
        self._plan: list[dict[str, Any]] = []

    def compose(self) -> ComposeResult:
        """Yield one card."""
        yield Static(WAITING, classes="card")

    async def show(self, view: RunView) -> None:
        """Show what a run reported about its data when it started."""
        started = view.progress.started
        dataset, plan = (started.dataset, started.plan) if started else ({}, [])
        if (dataset, plan) != (self._dataset, self._plan):
            self._dataset, self._plan = dataset, plan
            await self.redraw()

    async def redraw(self) -> None:
        """Draw again: other data or another theme."""
        if self._dataset is not None:
            palette = palette_of(self.app)
            parts = [data_of(self._dataset, palette)]
            parts += [Text(), plan_table(self._plan, palette)] if self._plan else []
            self.query_one(".card", Static).update(Group(*parts))


def data_of(dataset: dict[str, Any], palette: Palette) -> RenderableType:
    """Return everything about the `dataset` of a `run_started` event."""
    if not dataset:
        return Text(WAITING, palette.faint)
    steps = funnel_of(dataset)
    funnel = funnel_table(steps, palette) if steps else Text(NO_FUNNEL, palette.faint)
    return Group(facts_table(dataset, palette), Text(), funnel)


def facts_table(dataset: dict[str, Any], palette: Palette) -> Table:
    """Return names, fingerprints and sizes, as far as they are known."""
    evaluated = dataset.get("evaluated_users") or {}
    of_users = f"of {dataset.get('users', 0):,} users"
    facts = {
        "data": dataset.get("name"),
        "split": dataset.get("split"),
        "split fingerprint": str(dataset.get("fingerprint") or "")[:16],
        "data fingerprint": str(dataset.get("data_fingerprint") or "")[:16],
        "training": _counted(dataset.get("training_interactions"), "interactions"),
        "validation": _counted(evaluated.get("validate"), of_users),
        "test": _counted(evaluated.get("test"), of_users),
    }
    table = Table.grid(padding=(0, 2, 0, 0))
    for label, value in facts.items():
        if value:
            table.add_row(Text(label, palette.faint), Text(str(value), palette.strong))
    return table


def funnel_table(steps: list[Step], palette: Palette) -> Table:
    """Return what each step left, and next to it what it removed, if anything."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=palette.faint)
    table.add_column("step", no_wrap=True)
    for count in COUNTS:
        table.add_column(count, justify="right", no_wrap=True)
        table.add_column("", justify="right", no_wrap=True)
    for step in steps:
        row = [Text(step.name)]
        for left, removed in zip(step.left, step.removed, strict=True):
            row += [Text(f"{left:,}"), Text(f"−{removed:,}" if removed else "", palette.stopped)]
        table.add_row(*row)
    return table


def plan_table(plan: list[dict[str, Any]], palette: Palette) -> Table:
    """Return where the item table and the output layer are placed, a row per shard."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=palette.faint)
    table.title, table.title_justify, table.title_style = Text("plan"), "left", palette.strong
    for title in TITLES:
        table.add_column(title, justify="left" if title in TITLES[:3] else "right", no_wrap=True)
    for row in plan_rows(plan):
        table.add_row(*map(Text, row))
    for rank, count in total_bytes(plan).items():
        table.add_row(*map(Text, ("", "", "", str(rank), "", "", "total", size(count))), style=palette.faint)
    return table


def _counted(count: int | None, noun: str) -> str:
    return "" if count is None else f"{count:,} {noun}"
