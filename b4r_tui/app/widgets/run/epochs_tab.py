"""The epochs of a run as a table that grows at its end; the best one carries a star."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import DataTable, Static

from b4r_tui.app.widgets import numbers
from b4r_tui.app.widgets.numbers import spelled
from b4r_tui.app.widgets.palette import palette_of
from b4r_tui.app.widgets.row_table import RowTable
from b4r_tui.common.format import duration

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView
    from engine.contract.events import Epoch

STAR = "★"
FIXED = (("", 2), ("Epoch", 5), ("Train loss", 11), ("lr", 10))
LAST = (("seq/s", 7), ("Time", 8))
SHOWN = ("recall@10", "ndcg@10")
NOTHING = "No epoch has ended yet."


class EpochTable(Vertical):
    """One row an epoch: loss, learning rate, validation metrics by protocol, time."""

    DEFAULT_CSS = """
    EpochTable {
        DataTable {
            height: 1fr;
            background: transparent;
            & > .datatable--header { background: transparent; color: $text-muted; text-style: none; }
            &:focus { background-tint: transparent 0%; }
        }
        .nothing { padding: 1 2; color: $text-muted; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._run = ""
        self._view: RunView | None = None
        self._columns: list[tuple[str, str]] = []
        self._drawn: list[tuple[Epoch, bool]] = []

    def compose(self) -> ComposeResult:
        """The table, and what stands there before the first epoch ends."""
        table = RowTable()
        table.header_height = 2
        table.display = False
        yield table
        yield Static(NOTHING, classes="nothing")

    async def show(self, view: RunView) -> None:
        """Show the epochs of a run; new ones are added below, changed ones redrawn."""
        self._view = view
        rows = [(epoch, epoch.epoch == view.progress.best_epoch) for epoch in view.progress.history]
        columns = metric_columns(view.progress.history, self._room())
        self.query_one(DataTable).display = bool(rows)
        self.query_one(".nothing").display = not rows
        if view.key != self._run or columns != self._columns or len(rows) < len(self._drawn):
            self._restart(view.key, columns)
        self._fill(rows)

    async def on_resize(self) -> None:
        """Other columns may fit now."""
        if self._view:
            self._run = ""
            await self.show(self._view)

    async def redraw(self) -> None:
        """Draw again, in the colours of a new theme."""
        rows = self._drawn
        self._restart(self._run, self._columns)
        self._fill(rows)

    def rest(self) -> None:
        """Nothing goes on here by itself."""

    def _restart(self, run: str, columns: list[tuple[str, str]]) -> None:
        table = self.query_one(DataTable)
        table.clear(columns=True)
        self._run, self._columns, self._drawn = run, columns, []
        for label, width in FIXED:
            table.add_column(_heading(label, "", width), key=label, width=width)
        for protocol, name in columns:
            width = width_of(protocol, name)
            table.add_column(_heading(spelled(name), protocol, width), key=f"{protocol} {name}", width=width)
        for label, width in self._last():
            table.add_column(_heading(label, "", width), key=label, width=width)

    def _fill(self, rows: list[tuple[Epoch, bool]]) -> None:
        table = self.query_one(DataTable)
        at_end = table.cursor_row >= len(self._drawn) - 1
        keys = [column.key for column in table.ordered_columns]
        for index, row in enumerate(rows):
            if index >= len(self._drawn):
                table.add_row(*self._cells(*row), key=str(index))
            elif row != self._drawn[index]:
                for key, cell in zip(keys, self._cells(*row), strict=True):
                    table.update_cell(str(index), key, cell)
        if at_end and len(rows) > len(self._drawn):
            table.move_cursor(row=len(rows) - 1)
        self._drawn = rows

    def _room(self) -> int:
        """Cells that metrics may take; the rest is for other columns and the scrollbar."""
        return self.size.width - 1 - sum(width for _, width in FIXED)

    def _last(self) -> tuple[tuple[str, int], ...]:
        """Speed and time, where there is room for them."""
        metrics = sum(width_of(*column) for column in self._columns)
        return LAST if metrics + sum(width for _, width in LAST) <= self._room() else ()

    def _cells(self, epoch: Epoch, best: bool) -> list[Text]:
        palette = palette_of(self.app)
        style = f"bold {palette.finished}" if best else ""
        texts = [str(epoch.epoch + 1), numbers.loss(epoch.train_loss), f"{epoch.lr:.2e}"]
        for protocol, name in self._columns:
            texts.append(numbers.metric(epoch.metrics.get(protocol, {}).get(name)))
        if self._last():
            texts += [numbers.rate(epoch.sequences_per_second), duration(epoch.seconds)]
        widths = [column.width for column in self.query_one(DataTable).ordered_columns][1:]
        cells = [
            numbers.fitted(Text(text, style), width, right=True)
            for text, width in zip(texts, widths, strict=True)
        ]
        return [Text(f"{STAR} " if best else "  ", style), *cells]


def metric_columns(history: list[Epoch], room: int) -> list[tuple[str, str]]:
    """(protocol, metric) of each metric that fits into `room` cells, the first protocol's first."""
    validated = next((epoch for epoch in history if epoch.metrics), None)
    columns = [
        (protocol, name)
        for protocol, metrics in (validated.metrics.items() if validated else ())
        for name in [each for each in SHOWN if each in metrics] or list(metrics)[:2]
    ]
    while len(columns) > 2 and sum(width_of(*column) for column in columns) > room:
        columns.pop()
    return columns


def width_of(protocol: str, name: str) -> int:
    """The width of a metric's column."""
    return max(len(protocol), len(name), 6) + 2


def _heading(label: str, protocol: str, width: int) -> Text:
    lines = [numbers.fitted(Text(line), width, right=True) for line in (label, protocol)]
    return Text("\n").join(lines)
