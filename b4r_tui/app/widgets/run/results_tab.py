"""The tab with a run's results: test metrics with intervals and baselines, or what went wrong."""

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

from b4r_tui.app.widgets.palette import Palette, palette_of
from b4r_tui.app.widgets.run_tab import RunTab
from b4r_tui.common.format import decimal, interval, metric_label

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView
    from b4r_tui.results.board import Board, Row
    from engine.contract.events import Test

WAITING = "No data yet: the best epoch is tested after training."
STOPPED = "This run was stopped before its test."
BASELINES_WIDTH = 68  # cells that a table with all baselines takes
LOST = "This run ended without a report: its lock is free and exit.json is missing. See the log."
UNKNOWN = "It failed without reporting an error. See the log."


class ResultsTab(VerticalScroll, RunTab, can_focus=True):
    """Shows the results of a finished run, the error of a failed one, a sentence otherwise; warnings below."""

    DEFAULT_CSS = """
    ResultsTab {
        padding: 0 1;
        .card { height: auto; padding: 0 1; }
        .card.failed { border: round $error; border-title-color: $error; margin-top: 1; }
    }
    """

    @dataclass
    class Seeds(Message):
        """The leaderboard row that a run shares with other seeds was computed."""

        key: str
        board: Board
        row: Row

    def __init__(self) -> None:
        super().__init__()
        self._view: RunView | None = None
        self._seeds: ResultsTab.Seeds | None = None

    def compose(self) -> ComposeResult:
        """Yield one card."""
        yield Static(classes="card")

    async def show(self, view: RunView) -> None:
        """Show how the run ended, or that it has not."""
        if view != self._view:
            self._view = view
            await self.redraw()
            if view.state.value == "finished":
                self._find_seeds(view)

    async def redraw(self) -> None:
        """Draw again, with other values or in the colours of a new theme."""
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

        board_and_row = row_with(view.run)
        if board_and_row and board_and_row[1].runs > 1 and not get_current_worker().is_cancelled:
            self.post_message(self.Seeds(view.key, *board_and_row))

    async def on_results_tab_seeds(self, message: Seeds) -> None:
        """Show the row above the run's own results."""
        self._seeds = message
        await self.redraw()

    async def on_resize(self) -> None:
        """Fit the columns to the new width."""
        await self.redraw()


def seeds_line(board: Board, row: Row, palette: Palette) -> Text:
    """Return mean, standard deviation and interval over the seeds of the run's settings."""
    value = f"{decimal(row.value)} ± {decimal(row.sd)}"
    return Text.assemble(
        (f"{row.runs} seeds  ", palette.faint),
        f"{metric_label(board.metric)} ",
        (value, "bold"),
        (f"  {interval(row.low, row.high)}  {board.protocol}\n", palette.faint),
    )


def results_of(view: RunView, palette: Palette, wide: bool) -> RenderableType:
    """Return everything about the end of a run; where it is wide, with every baseline."""
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
    """Return the error, and the traceback where the engine reported one."""
    error = view.progress.error or (view.exit.error if view.exit else None) or UNKNOWN
    text = Text(error, f"bold {palette.failed}")
    if view.exit and (view.exit.code is not None or view.exit.signal is not None):
        ended = f"signal {view.exit.signal}" if view.exit.signal else f"exit code {view.exit.code}"
        text.append(f"\n{ended}", f"not bold {palette.faint}")
    if view.progress.traceback:
        text.append(f"\n\n{view.progress.traceback.rstrip()}", f"not bold {palette.strong}")
    return text


def test_tables(test: Test, palette: Palette, wide: bool) -> RenderableType:
    """Return a table per protocol, in a row where they fit."""
    tables = [protocol_table(name, test, palette, wide) for name in test.metrics]
    title = Text(f"Test split, checkpoint of epoch {test.checkpoint_epoch + 1}\n", palette.strong)
    return Group(title, Columns(tables, padding=(0, 4)))


def protocol_table(protocol: str, test: Test, palette: Palette, wide: bool) -> Table:
    """Return the metrics of one protocol with intervals and popularity; where it is wide, with all baselines."""
    metrics, baselines = test.metrics[protocol], {"popularity": test.baseline.get(protocol, {})}
    if wide:
        baselines |= {
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
    for label in ("", "value", "95 % interval", *baselines):
        table.add_column(label, justify="right" if label else "left", no_wrap=True)
    for name in ordered(list(metrics)):
        table.add_row(
            *_row(name, metrics[name], [table.get(name, {}) for table in baselines.values()], palette)
        )
    return table


def ordered(names: list[str]) -> list[str]:
    """Return metrics in the usual order: @10 first, then by kind and cutoff."""
    kinds = {"ndcg": 0, "recall": 1, "mrr": 2, "map": 3, "precision": 4, "coverage": 5, "arp": 6}

    def place(name: str) -> tuple[bool, int, int]:
        kind, _, cutoff = name.partition("@")
        return cutoff != "10", kinds.get(kind, 9), int(cutoff) if cutoff.isdecimal() else 0

    return sorted(names, key=place)


def _has(test: Test, baseline: str, protocol: str) -> bool:
    return protocol in test.baselines.get(baseline, {})


def _row(
    name: str, value: dict[str, float], baselines: list[dict[str, float]], palette: Palette
) -> list[Text]:
    """Return a metric's cells. Accuracy that significantly beats all shown baselines is highlighted."""
    best = max(baseline.get("value") or 0.0 for baseline in baselines)
    beats = (value.get("low") or 0.0) > best and not name.startswith(("coverage", "arp"))
    return [
        Text(metric_label(name)),
        Text(decimal(value.get("value")), f"bold {palette.finished}" if beats else "bold"),
        Text(interval(value.get("low"), value.get("high")), palette.faint),
        *(Text(decimal(baseline.get("value")), palette.second) for baseline in baselines),
    ]


def _sentence(view: RunView) -> str:
    ended = {"stopped": STOPPED, "lost": LOST, "finished": "This run finished without a test."}
    return ended.get(view.state.value, WAITING)
