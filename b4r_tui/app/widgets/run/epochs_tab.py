"""The tab with a run's epochs as a table that grows; the best epoch has a star."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import DataTable, Static

from b4r_tui.app.widgets.drawing import fitted
from b4r_tui.app.widgets.palette import palette_of
from b4r_tui.app.widgets.row_table import RowTable
from b4r_tui.app.widgets.run_tab import RunTab
from b4r_tui.common.format import decimal, duration, loss, metric_label, rate

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView
    from engine.contract.events import Epoch

STAR = "★"
LEADING = (("", 2), ("Epoch", 5), ("Train loss", 11), ("lr", 10))
TRAILING = (("seq/s", 7), ("Time", 8))
PREFERRED = ("recall@10", "ndcg@10")
NO_DATA = "No data yet: epochs appear as they end."


class EpochsTab(Vertical, RunTab):
    """Shows a row per epoch: loss, learning rate, validation metrics by protocol, time."""

    DEFAULT_CSS = """
    EpochsTab {
        DataTable {
            height: 1fr;
            background: transparent;
            & > .datatable--header { background: transparent; color: $text-muted; text-style: none; }
            &:focus { background-tint: transparent 0%; }
        }
        .no-data { padding: 1 2; color: $text-muted; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._run = ""
        self._view: RunView | None = None
        self._columns: list[tuple[str, str]] = []
        self._drawn: list[tuple[Epoch, bool]] = []

    def compose(self) -> ComposeResult:
        """Yield the table, and the text for before the first epoch has ended."""
        table = RowTable()
        table.header_height = 2
        table.display = False
        yield table
        yield Static(NO_DATA, classes="no-data")

    async def show(self, view: RunView) -> None:
        """Show the epochs of a run; add new ones below and redraw those that changed."""
        self._view = view
        rows = [(epoch, epoch.epoch == view.progress.best_epoch) for epoch in view.progress.history]
        columns = metric_columns(view.progress.history, self._metrics_width())
        self.query_one(DataTable).display = bool(rows)
        self.query_one(".no-data").display = not rows
        if view.key != self._run or columns != self._columns or len(rows) < len(self._drawn):
            self._restart(view.key, columns)
        self._fill(rows)

    async def on_resize(self) -> None:
        """Fit the columns to the new width."""
        if self._view:
            self._run = ""
            await self.show(self._view)

    async def redraw(self) -> None:
        """Draw again, in the colours of a new theme."""
        rows = self._drawn
        self._restart(self._run, self._columns)
        self._fill(rows)

    def _restart(self, run: str, columns: list[tuple[str, str]]) -> None:
        table = self.query_one(DataTable)
        table.clear(columns=True)
        self._run, self._columns, self._drawn = run, columns, []
        for label, width in LEADING:
            table.add_column(_heading(label, "", width), key=label, width=width)
        for protocol, name in columns:
            width = width_of(protocol, name)
            table.add_column(
                _heading(metric_label(name), protocol, width), key=f"{protocol} {name}", width=width
            )
        for label, width in self._trailing():
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

    def _metrics_width(self) -> int:
        """Return the cells for metrics and trailing columns; the rest is for other columns and the scroll bar."""
        return self.size.width - 1 - sum(width for _, width in LEADING)

    def _trailing(self) -> tuple[tuple[str, int], ...]:
        """Return the columns of speed and time, where they fit."""
        metrics = sum(width_of(*column) for column in self._columns)
        return TRAILING if metrics + sum(width for _, width in TRAILING) <= self._metrics_width() else ()

    def _cells(self, epoch: Epoch, best: bool) -> list[Text]:
        palette = palette_of(self.app)
        style = f"bold {palette.finished}" if best else ""
        texts = [str(epoch.epoch + 1), loss(epoch.train_loss), f"{epoch.lr:.2e}"]
        for protocol, name in self._columns:
            texts.append(decimal(epoch.metrics.get(protocol, {}).get(name)))
        if self._trailing():
            texts += [rate(epoch.sequences_per_second), duration(epoch.seconds)]
        widths = [column.width for column in self.query_one(DataTable).ordered_columns][1:]
        cells = [
            fitted(Text(text, style), width, right=True) for text, width in zip(texts, widths, strict=True)
        ]
        return [Text(f"{STAR} " if best else "  ", style), *cells]


def metric_columns(history: list[Epoch], width: int) -> list[tuple[str, str]]:
    """Return (protocol, metric) of the metrics that fit `width` cells, the first protocol's first."""
    validated = next((epoch for epoch in history if epoch.metrics), None)
    columns = [
        (protocol, name)
        for protocol, metrics in (validated.metrics.items() if validated else ())
        for name in [each for each in PREFERRED if each in metrics] or list(metrics)[:2]
    ]
    while len(columns) > 2 and sum(width_of(*column) for column in columns) > width:
        columns.pop()
    return columns


def width_of(protocol: str, name: str) -> int:
    """Return the width of a metric's column."""
    return max(len(protocol), len(name), 6) + 2


def _heading(label: str, protocol: str, width: int) -> Text:
    lines = [fitted(Text(line), width, right=True) for line in (label, protocol)]
    return Text("\n").join(lines)
