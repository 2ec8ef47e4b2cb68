"""The tab with outputs of programs run on a model: evaluations, fairness, recommendations, exports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
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
from b4r_tui.runs.programs.saved_results import Found, read_results
from engine.contract.events import Test

if TYPE_CHECKING:
    from pathlib import Path

    from b4r_tui.app.snapshot import RunView

NO_OUTPUTS = "No outputs yet. Press m to evaluate, measure fairness, recommend items or export the model."
NOT_FINISHED = "No outputs yet. Once this run has finished, press m to evaluate, recommend or export."
MAX_ROWS = 60  # of recommended items; the file has all of them
Render = Callable[[Found, Palette, int], RenderableType]


class OutputsTab(VerticalScroll, RunTab, can_focus=True):
    """Shows the outputs of a run, a section per program; a worker reads them."""

    DEFAULT_CSS = """
    OutputsTab {
        padding: 0 1;
        .card { height: auto; padding: 0 1; }
    }
    """

    @dataclass
    class Read(Message):
        """The outputs of a run were read."""

        folder: Path
        results: list[Found]

    def __init__(self) -> None:
        super().__init__()
        self._folder: Path | None = None
        self._results: list[Found] = []
        self._finished = False

    def compose(self) -> ComposeResult:
        """Yield one card."""
        yield Static(classes="card")

    async def show(self, view: RunView) -> None:
        """Show a run; read its outputs again where it has finished since."""
        finished = view.state.value == "finished"
        if (view.run.dir, finished) != (self._folder, self._finished):
            if view.run.dir != self._folder:
                self._results = []
                self.scroll_home(animate=False)
            self._folder, self._finished = view.run.dir, finished
            await self.redraw()
            self.read_again()

    def read_again(self) -> None:
        """Read the outputs, since there may be new ones."""
        if self._folder is not None:
            self._read(self._folder)

    @work(thread=True, exclusive=True, group="results")
    def _read(self, folder: Path) -> None:
        worker = get_current_worker()
        results = read_results(folder, SECTIONS)
        if not worker.is_cancelled:
            self.post_message(self.Read(folder, results))

    async def on_outputs_tab_read(self, message: Read) -> None:
        """Show what was read, unless another run is on screen by now."""
        if message.folder == self._folder:
            self._results = message.results
            self.scroll_home(animate=False)
            await self.redraw()

    async def redraw(self) -> None:
        """Draw again, with other results, another width or another theme."""
        palette, width = palette_of(self.app), max(20, self.size.width - 4)
        empty = Text(NO_OUTPUTS if self._finished else NOT_FINISHED, palette.faint)
        self.query_one(".card", Static).update(results_of(self._results, palette, width) or empty)

    async def on_resize(self) -> None:
        """Fit the columns to the new width."""
        await self.redraw()


def results_of(results: list[Found], palette: Palette, width: int) -> RenderableType | None:
    """Return all results by section, in their order; None where there are none."""
    parts: list[RenderableType] = []
    for name, members in groupby(results, key=lambda one: one.section):
        title, render = SECTIONS[name]
        parts += [Text(title, f"bold {palette.running}")]
        parts += [part for one in members for part in (_shown(render, one, palette, width), Text())]
    return Group(*parts[:-1]) if parts else None


def _shown(render: Render, saved: Found, palette: Palette, width: int) -> RenderableType:
    """Return a result, or a sentence where this version cannot show it."""
    try:
        return render(saved, palette, width)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return Text(f"{saved.path.name} cannot be shown: it was written by another version", palette.faint)


def evaluations(saved: Found, palette: Palette, width: int) -> RenderableType:
    """Return test metrics of a checkpoint on other data or by other protocols."""
    from b4r_tui.app.widgets.run.results_tab import BASELINES_WIDTH, test_tables

    result = saved.content
    known = {name: result[name] for name in ("checkpoint_epoch", "metrics", "baseline", "baselines")}
    about = Text(f"{result['checkpoint']} on {result['dataset']}", palette.strong)
    unknown = ", ".join(f"{count:,} {name}" for name, count in result.get("unknown", {}).items() if count)
    notices = [Text(f"not in the vocabulary, skipped: {unknown}", palette.stopped)] if unknown else []
    return Group(about, *notices, test_tables(Test(**known), palette, width >= BASELINES_WIDTH))


def fairness(saved: Found, palette: Palette, width: int) -> RenderableType:
    """Return F of the six metrics by temperature, and the trade-off curve."""
    from b4r_tui.reports.fairness import METRICS, curve_lines, notes, temperature

    result = saved.content
    table = _table(palette, "temperature", "NDCG@10", *(f"{name}-F" for name in METRICS))
    for point in result["points"]:
        values = [f"{point['metrics'][name]['F']:.2e}" for name in METRICS]
        table.add_row(*map(Text, (temperature(point), f"{point['ndcg@10']:.4f}", *values)))
    groups = " × ".join(result[side]["kind"] for side in ("user_groups", "item_groups"))
    about = (
        f"{result['ranker']}, {groups}, {result['exposure']}, {result['samples']} samples; lower F is fairer"
    )
    title, *lines = curve_lines(result, width)
    curve = Text("\n".join(lines), palette.second, no_wrap=True, overflow="crop")
    notices = [Text(f"! {note}", palette.stopped) for note in notes(result)]
    return Group(Text(about, palette.strong), table, *notices, Text(title, palette.faint), curve)


def recommendations(saved: Found, palette: Palette, width: int) -> RenderableType:
    """Return lists of items, or the file with those of all users."""
    from b4r_tui.reports.recommendations import owner_of

    result = saved.content
    notices = [Text(f"! {warning}", palette.stopped) for warning in result["warnings"]]
    if "path" in result:
        where = Text.assemble(
            (f"{result['k']} items for each of {result['users']:,} users", palette.strong),
            "  ",
            result["path"],
        )
        return Group(*notices, where)
    table = _table(palette, "user", "rank", "item", "score")
    table.add_column("title", no_wrap=True, overflow="ellipsis", ratio=1)
    for one in result["recommendations"]:
        for entry in one["items"]:
            first = owner_of(one) if entry["rank"] == 1 else ""
            cells = (first, str(entry["rank"]), entry["item"], f"{entry['score']:.3f}", entry["title"] or "")
            if table.row_count < MAX_ROWS:
                table.add_row(*map(Text, cells))
    return Group(Text(f"{result['checkpoint']}, seen items excluded", palette.strong), *notices, table)


def exports(saved: Found, palette: Palette, width: int) -> RenderableType:
    """Return a file and how it was checked."""
    from b4r_tui.reports.model_export import facts

    table = Table.grid(padding=(0, 2, 0, 0))
    for label, value in facts(saved.content).items():
        table.add_row(Text(label, palette.faint), Text(value, palette.strong))
    return table


def _table(palette: Palette, first: str, *numbers: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=palette.faint)
    table.add_column(first, no_wrap=True)
    for title in numbers:
        table.add_column(title, justify="right", no_wrap=True)
    return table


SECTIONS: dict[str, tuple[str, Render]] = {  # by folder of the run
    "evaluations": ("Evaluations", evaluations),
    "fairness": ("Fairness", fairness),
    "recommendations": ("Recommendations", recommendations),
    "exports": ("Exports", exports),
}
