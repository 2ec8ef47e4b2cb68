"""How a run ended: test metrics with their intervals beside baselines, or what went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static
from textual.worker import get_current_worker

from b4r_tui.app.widgets import numbers
from b4r_tui.app.widgets.palette import Palette, palette_of

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView
    from b4r_tui.results.board import Board, Row
    from engine.contract.events import Test

WAITING = "The best epoch is tested when training has ended."
STOPPED = "This run was stopped before its test."
BASELINES_WIDTH = 68  # characters of a pane in which a table with all baselines fits
LOST = "This run ended without a word: nobody holds its lock and nobody wrote how it ended. See the log."
SILENT = "It ended without saying why. See the log."


class ResultsView(VerticalScroll, can_focus=True):
    """Results of a finished run, the card of a failed one, a sentence otherwise; warnings below."""

    DEFAULT_CSS = """
    ResultsView {
        padding: 0 1;
        .card { height: auto; padding: 0 1; }
        .card.failed { border: round $error; border-title-color: $error; margin-top: 1; }
    }
    """

    @dataclass
    class Seeds(Message):
        """The row that a run shares with other seeds was worked out."""

        key: str
        board: Board
        row: Row

    def __init__(self) -> None:
        super().__init__()
        self._view: RunView | None = None
        self._seeds: ResultsView.Seeds | None = None

    def compose(self) -> ComposeResult:
        """One card."""
        yield Static(classes="card")

    async def show(self, view: RunView) -> None:
        """Show how the run ended, or that it has not."""
        if view != self._view:
            self._view = view
            await self.redraw()
            if view.state.value == "finished":
                self._find_seeds(view)

    async def redraw(self) -> None:
        """Draw again: other values or another theme."""
        if self._view is None:
            return
        card = self.query_one(".card", Static)
        failed = self._view.state.value == "failed"
        card.set_class(failed, "failed")
        card.border_title = "✗ failed" if failed else None
        palette, parts = palette_of(self.app), []
        if self._seeds and self._seeds.key == self._view.key:
            parts.append(seeds_line(self._seeds.board, self._seeds.row, palette))
        card.update(Group(*parts, results_of(self._view, palette, self.size.width >= BASELINES_WIDTH)))

    @work(thread=True, group="seeds", exclusive=True)
    def _find_seeds(self, view: RunView) -> None:
        from b4r_tui.results.seed_siblings import row_with

        found = row_with(view.run)
        if found and found[1].runs > 1 and not get_current_worker().is_cancelled:
            self.post_message(self.Seeds(view.key, *found))

    async def on_results_view_seeds(self, message: Seeds) -> None:
        """Tell the row above the run's own results."""
        self._seeds = message
        await self.redraw()

    async def on_resize(self) -> None:
        """Other columns may fit."""
        await self.redraw()

    def rest(self) -> None:
        """Nothing goes on here by itself."""


def seeds_line(board: Board, row: Row, palette: Palette) -> Text:
    """Mean, spread and interval over the seeds of the run's settings."""
    value = f"{numbers.metric(row.value)} ± {numbers.metric(row.sd)}"
    interval = _interval({"low": row.low or 0.0, "high": row.high or 0.0})
    return Text.assemble(
        (f"{row.runs} seeds  ", palette.faint),
        f"{numbers.spelled(board.metric)} ",
        (value, "bold"),
        (f"  {interval}  {board.protocol}\n", palette.faint),
    )


def results_of(view: RunView, palette: Palette, wide: bool) -> RenderableType:
    """All there is to say about the end of a run; where it is wide, with every baseline."""
    parts: list[RenderableType] = []
    if view.state.value == "failed":
        parts.append(failure(view, palette))
    if view.progress.test:
        parts.append(test_tables(view.progress.test, palette, wide))
    elif view.state.value != "failed":
        parts.append(Text(_sentence(view), palette.faint))
    parts += [
        Text.assemble(("! ", palette.stopped), warning.message, (f"  ({warning.code})", palette.faint))
        for warning in view.progress.warnings
    ]
    return Group(*parts)


def failure(view: RunView, palette: Palette) -> Text:
    """The error in one sentence, and the traceback where the engine told one."""
    said = view.progress.error or (view.exit.error if view.exit else None) or SILENT
    text = Text(said, f"bold {palette.failed}")
    if view.exit and (view.exit.code is not None or view.exit.signal is not None):
        ended = f"signal {view.exit.signal}" if view.exit.signal else f"exit code {view.exit.code}"
        text.append(f"\n{ended}", f"not bold {palette.faint}")
    if view.progress.traceback:
        text.append(f"\n\n{view.progress.traceback.rstrip()}", f"not bold {palette.strong}")
    return text


def test_tables(test: Test, palette: Palette, wide: bool) -> RenderableType:
    """A table a protocol, side by side where they fit."""
    tables = [protocol_table(name, test, palette, wide) for name in test.metrics]
    title = Text(f"Test split, checkpoint of epoch {test.checkpoint_epoch + 1}\n", palette.strong)
    return Group(title, Columns(tables, padding=(0, 4)))


def protocol_table(protocol: str, test: Test, palette: Palette, wide: bool) -> Table:
    """Metrics of one protocol: value, 95 % interval, popularity; where it is wide, the other baselines measured."""
    metrics, beside = test.metrics[protocol], {"popularity": test.baseline.get(protocol, {})}
    if wide:
        beside |= {
            name: test.baselines[name][protocol]
            for name in ("markov", "random")
            if _has(test, name, protocol)
        }
    users = next((int(value["n"]) for value in metrics.values() if "n" in value), None)
    about = f" · {users:,} users" if users is not None else ""
    table = Table(
        title=Text.assemble((protocol, f"bold {palette.running}"), (about, palette.faint)),
        title_justify="left",
        box=None,
        padding=(0, 2, 0, 0),
        header_style=palette.faint,
    )
    for label in ("", "value", "95% interval", *beside):
        table.add_column(label, justify="right" if label else "left", no_wrap=True)
    for name in ordered(list(metrics)):
        table.add_row(*_row(name, metrics[name], [table.get(name, {}) for table in beside.values()], palette))
    return table


def ordered(names: list[str]) -> list[str]:
    """Metrics as people look for them: @10 first, then by kind and cutoff."""
    kinds = {"ndcg": 0, "recall": 1, "mrr": 2, "map": 3, "precision": 4, "coverage": 5, "arp": 6}

    def place(name: str) -> tuple[bool, int, int]:
        kind, _, cutoff = name.partition("@")
        return cutoff != "10", kinds.get(kind, 9), int(cutoff) if cutoff.isdecimal() else 0

    return sorted(names, key=place)


def _has(test: Test, baseline: str, protocol: str) -> bool:
    return protocol in test.baselines.get(baseline, {})


def _row(name: str, value: dict[str, float], beside: list[dict[str, float]], palette: Palette) -> list[Text]:
    """A metric's cells. Accuracy that surely beats all baselines shown stands out."""
    best = max(baseline.get("value") or 0.0 for baseline in beside)
    beats = (value.get("low") or 0.0) > best and not name.startswith(("coverage", "arp"))
    return [
        Text(numbers.spelled(name)),
        Text(numbers.metric(value.get("value")), f"bold {palette.finished}" if beats else "bold"),
        Text(_interval(value), palette.faint),
        *(Text(numbers.metric(baseline.get("value")), palette.second) for baseline in beside),
    ]


def _interval(value: dict[str, float]) -> str:
    if value.get("low") is None or value.get("high") is None:
        return ""
    return f"{numbers.metric(value['low'])} … {numbers.metric(value['high'])}"


def _sentence(view: RunView) -> str:
    ended = {"stopped": STOPPED, "lost": LOST, "finished": "This run finished without a test."}
    return ended.get(view.state.value, WAITING)
