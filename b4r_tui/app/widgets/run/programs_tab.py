"""What was done with a run after training, a section for each kind of result: fairness, recommendations, exports."""

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
from b4r_tui.runs.programs.saved_results import Found, read_results
from engine.contract.events import Test

if TYPE_CHECKING:
    from pathlib import Path

    from b4r_tui.app.snapshot import RunView

NOTHING = "Nothing yet. Press m to evaluate again, measure fairness, recommend items or export the model."
NOT_YET = (
    "Once this run has finished, m evaluates it, measures fairness, recommends items and exports the model."
)
MOST_ROWS = 60  # of recommended items; the file has all of them
Render = Callable[[Found, Palette, int], RenderableType]


class AfterView(VerticalScroll, can_focus=True):
    """Reads the results of a run in a worker, when it is shown and when an action has ended."""

    DEFAULT_CSS = """
    AfterView {
        padding: 0 1;
        .card { height: auto; padding: 0 1; }
    }
    """

    @dataclass
    class Read(Message):
        """Results of a run were read."""

        folder: Path
        found: list[Found]

    def __init__(self) -> None:
        super().__init__()
        self._folder: Path | None = None
        self._found: list[Found] = []
        self._finished = False

    def compose(self) -> ComposeResult:
        """One card."""
        yield Static(classes="card")

    async def show(self, view: RunView) -> None:
        """Show another run, or the same after a change."""
        finished = view.state.value == "finished"
        if (view.run.dir, finished) != (self._folder, self._finished):
            if view.run.dir != self._folder:
                self._found = []
                self.scroll_home(animate=False)
            self._folder, self._finished = view.run.dir, finished
            await self.redraw()
            self.read_again()

    def read_again(self) -> None:
        """There may be new results."""
        if self._folder is not None:
            self._read(self._folder)

    @work(thread=True, exclusive=True, group="results")
    def _read(self, folder: Path) -> None:
        worker = get_current_worker()
        found = read_results(folder, SECTIONS)
        if not worker.is_cancelled:
            self.post_message(self.Read(folder, found))

    async def on_after_view_read(self, message: Read) -> None:
        """Show what was read, unless another run is on screen by now."""
        if message.folder == self._folder:
            self._found = message.found
            self.scroll_home(animate=False)
            await self.redraw()

    async def redraw(self) -> None:
        """Draw again: other results, another width or another theme."""
        palette, width = palette_of(self.app), max(20, self.size.width - 4)
        nothing = Text(NOTHING if self._finished else NOT_YET, palette.faint)
        self.query_one(".card", Static).update(results_of(self._found, palette, width) or nothing)

    async def on_resize(self) -> None:
        """Other columns may fit."""
        await self.redraw()

    def rest(self) -> None:
        """Nothing goes on here by itself."""


def results_of(found: list[Found], palette: Palette, width: int) -> RenderableType | None:
    """All results, by section, in their order; None where there are none."""
    parts: list[RenderableType] = []
    for name, mine in groupby(found, key=lambda one: one.section):
        title, render = SECTIONS[name]
        parts += [Text(title, f"bold {palette.running}")]
        parts += [part for one in mine for part in (_shown(render, one, palette, width), Text())]
    return Group(*parts[:-1]) if parts else None


def _shown(render: Render, found: Found, palette: Palette, width: int) -> RenderableType:
    """A result, or where it is not what this version writes, a word about it."""
    try:
        return render(found, palette, width)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return Text(f"{found.path.name} is not a result that this version can show", palette.faint)


def evaluations(found: Found, palette: Palette, width: int) -> RenderableType:
    """Test metrics of a checkpoint on other data or by other protocols; those of the run itself are its results."""
    from b4r_tui.app.widgets.run.results_tab import BASELINES_WIDTH, test_tables

    result = found.content
    known = {name: result[name] for name in ("checkpoint_epoch", "metrics", "baseline", "baselines")}
    about = Text(f"{result['checkpoint']} on {result['dataset']}", palette.strong)
    unknown = ", ".join(f"{count:,} {name}" for name, count in result.get("unknown", {}).items() if count)
    said = [Text(f"unknown and left out: {unknown}", palette.stopped)] if unknown else []
    return Group(about, *said, test_tables(Test(**known), palette, width >= BASELINES_WIDTH))


def fairness(found: Found, palette: Palette, width: int) -> RenderableType:
    """F of the six metrics by temperature, and the trade-off curve."""
    from b4r_tui.reports.fairness import METRICS, curve_lines, notes, temperature

    result = found.content
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
    said = [Text(f"! {note}", palette.stopped) for note in notes(result)]
    return Group(Text(about, palette.strong), table, *said, Text(title, palette.faint), curve)


def recommendations(found: Found, palette: Palette, width: int) -> RenderableType:
    """Lists of items, or where everybody's went."""
    from b4r_tui.reports.recommendations import owner_of

    result = found.content
    said = [Text(f"! {warning}", palette.stopped) for warning in result["warnings"]]
    if "path" in result:
        where = Text.assemble(
            (f"{result['k']} items for each of {result['users']:,} users", palette.strong),
            "  ",
            result["path"],
        )
        return Group(*said, where)
    table = _table(palette, "user", "rank", "item", "score")
    table.add_column("title", no_wrap=True, overflow="ellipsis", ratio=1)
    for one in result["recommendations"]:
        for entry in one["items"]:
            first = owner_of(one) if entry["rank"] == 1 else ""
            cells = (first, str(entry["rank"]), entry["item"], f"{entry['score']:.3f}", entry["title"] or "")
            if table.row_count < MOST_ROWS:
                table.add_row(*map(Text, cells))
    return Group(Text(f"{result['checkpoint']}, seen items left out", palette.strong), *said, table)


def exports(found: Found, palette: Palette, width: int) -> RenderableType:
    """A file and how it was checked."""
    from b4r_tui.reports.model_export import facts

    table = Table.grid(padding=(0, 2, 0, 0))
    for label, value in facts(found.content).items():
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
