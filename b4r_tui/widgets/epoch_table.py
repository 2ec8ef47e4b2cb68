"""The epochs of a run as a table that grows at its end; the best one carries a star."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import DataTable, Static

from b4r_tui.widgets import numbers
from b4r_tui.widgets.palette import palette_of

if TYPE_CHECKING:
    from b4r_tui.feed import RunView
    from engine.events import Epoch

STAR = "★"
FIXED = (("", 2), ("epoch", 6), ("train loss", 11), ("lr", 10))
SHOWN = ("ndcg@10", "recall@10", "mrr")
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
        self._columns: list[tuple[str, str]] = []
        self._drawn: list[tuple[Epoch, bool]] = []

    def compose(self) -> ComposeResult:
        """The table, and what stands there before the first epoch ends."""
        table: DataTable[Text] = DataTable(cursor_type="row", cell_padding=0)
        table.header_height = 2
        table.display = False
        yield table
        yield Static(NOTHING, classes="nothing")

    def show(self, view: RunView) -> None:
        """Show the epochs of a run; new ones are added below, changed ones redrawn."""
        rows = [(epoch, epoch.epoch == view.progress.best_epoch) for epoch in view.progress.history]
        columns = metric_columns(view.progress.history)
        self.query_one(DataTable).display = bool(rows)
        self.query_one(".nothing").display = not rows
        if view.key != self._run or columns != self._columns or len(rows) < len(self._drawn):
            self._restart(view.key, columns)
        self._fill(rows)

    def redraw(self) -> None:
        """Draw again, in the colours of a new theme."""
        rows = self._drawn
        self._restart(self._run, self._columns)
        self._fill(rows)

    def _restart(self, run: str, columns: list[tuple[str, str]]) -> None:
        table = self.query_one(DataTable)
        table.clear(columns=True)
        self._run, self._columns, self._drawn = run, columns, []
        for label, width in FIXED:
            table.add_column(_heading(label, "", width), key=label, width=width)
        for protocol, name in columns:
            width = max(len(protocol), len(name)) + 2
            table.add_column(_heading(name, protocol, width), key=f"{protocol} {name}", width=width)
        for label, width in (("seq/s", 8), ("time", 8)):
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

    def _cells(self, epoch: Epoch, best: bool) -> list[Text]:
        palette = palette_of(self.app)
        style = f"bold {palette.finished}" if best else ""
        texts = [str(epoch.epoch + 1), numbers.loss(epoch.train_loss), f"{epoch.lr:.2e}"]
        for protocol, name in self._columns:
            texts.append(numbers.metric(epoch.metrics.get(protocol, {}).get(name)))
        texts += [numbers.rate(epoch.sequences_per_second), numbers.duration(epoch.seconds)]
        widths = [column.width for column in self.query_one(DataTable).ordered_columns][1:]
        cells = [
            numbers.fitted(Text(text, style), width, right=True) for text, width in zip(texts, widths, strict=True)
        ]
        return [Text(f"{STAR} " if best else "  ", style), *cells]


def metric_columns(history: list[Epoch]) -> list[tuple[str, str]]:
    """(protocol, metric) of each metric shown, in the order of the first epoch that was validated."""
    for epoch in history:
        if epoch.metrics:
            return [
                (protocol, name)
                for protocol, metrics in epoch.metrics.items()
                for name in [each for each in SHOWN if each in metrics] or list(metrics)[:2]
            ]
    return []


def _heading(label: str, protocol: str, width: int) -> Text:
    lines = [numbers.fitted(Text(line), width, right=True) for line in (label, protocol)]
    return Text("\n").join(lines)
