"""The columns of the table of runs. To add one, add an entry to COLUMNS: it is drawn, sorted and fitted from there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.text import Text

from b4r_tui.app.widgets.drawing import fitted
from b4r_tui.app.widgets.runs import cells, values
from b4r_tui.app.widgets.runs.look import WORDS
from b4r_tui.common.format import decimal, duration, loss, memory, metric_label, rate

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView
    from b4r_tui.app.widgets.runs.groups import RunGroup
    from b4r_tui.app.widgets.runs.look import Look

NARROW = 84  # below this a heading has one line
ASCENDING, DESCENDING = "▲", "▼"


@dataclass(frozen=True)
class Contents:
    """What the table shows now. title: cells that the longest heading of a group takes."""

    views: Sequence[RunView]
    look: Look
    width: int
    all_runs: bool = False
    marks: bool = False
    title: int = 0


@dataclass(frozen=True)
class Column:
    """All there is to know about a column.

    key: its name in saved sessions. value: what it is sorted by; None: it cannot be. descending: whether its highest
    value comes first. priority: where the terminal is narrow, columns go in this order; None: it stays. short: the
    cells that it is cut to instead of going. share, widest: its part of cells that are left over, up to which width.
    adapted: the column that fits the contents, None where there is nothing to show in it.
    """

    key: str
    label: str
    width: int
    draw: cells.Draw
    value: Callable[[RunView, Look], values.Value] | None = None
    draw_group: cells.DrawGroup | None = None
    descending: bool = False
    right: bool = True
    priority: int | None = None
    short: int | None = None
    share: int = 0
    widest: int = 1000
    adapted: Callable[[Column, Contents], Column | None] = lambda column, contents: column

    def cell(self, view: RunView, look: Look) -> Text:
        """Return the cell of a run, exactly as wide as the column."""
        return fitted(self.draw(view, look, self.width), self.width, self.right)

    def group_cell(self, group: RunGroup, look: Look) -> Text:
        """Return the cell of a group's heading."""
        text = self.draw_group(group, look, self.width) if self.draw_group else Text()
        return fitted(text, self.width, self.right)

    def heading(self, by: str, descending: bool) -> Text:
        """Return its heading, with an arrow where the table is sorted by it."""
        arrow = (DESCENDING if descending else ASCENDING) if by == self.key else ""
        first, *rest = self.label.split("\n")
        lines = [f"{first}{arrow}" if self.width > len(first) and not self.right else first, *rest]
        texts = [fitted(Text(line, "bold" if arrow else ""), self.width, self.right) for line in lines]
        if arrow not in texts[0].plain:
            texts[0].append(arrow, "bold")  # in the gap
        return Text("\n").join(texts)


def column_of(columns: Sequence[Column], key: str) -> Column | None:
    """Return the column with this key that the table can be sorted by."""
    return next((column for column in columns if column.key == key and column.value), None)


def _metric(key: str, index: int, priority: int | None) -> Column:
    def adapted(column: Column, contents: Contents) -> Column | None:
        """Name the metric, and below it the protocol where headings have two lines."""
        look = contents.look
        if index >= len(look.metrics):
            return None
        name, protocol = look.metrics[index], (look.protocol or "" if contents.width >= NARROW else "")
        label = metric_label(name) + (f"\n{protocol}" if protocol else "")
        return replace(column, label=label, width=max(len(name), 7, len(protocol)))

    value = values.metric(index)
    draw = cells.number(value, decimal)
    return Column(key, "", 7, draw, value, descending=True, priority=priority, adapted=adapted)


def _with_all_digits(column: Column, contents: Contents) -> Column:
    most = max((view.progress.epochs or 0 for view in contents.views), default=0)
    return replace(column, width=max(column.width, len(f"{most}/{most}")))


def _where(is_shown: Callable[[Contents], bool]) -> Callable[[Column, Contents], Column | None]:
    return lambda column, contents: column if is_shown(contents) else None


def _loss(view: RunView, look: Look) -> float | None:
    return view.progress.loss


def _rate(view: RunView, look: Look) -> float | None:
    return view.progress.sequences_per_second


def _memory(view: RunView, look: Look) -> float | None:
    return view.progress.memory_mb


COLUMNS = (
    Column("mark", "", 1, cells.blank, right=False, adapted=_where(lambda contents: contents.marks)),
    Column(
        "state",
        "State",
        WORDS,
        cells.state,
        values.state_rank,
        draw_group=cells.group_size,
        right=False,
        priority=40,
        short=1,
    ),
    Column(
        "run",
        "Run",
        20,
        cells.plain(lambda view: view.run.run_id),
        lambda view, look: view.run.run_id,
        draw_group=cells.group_title,
        descending=True,
        right=False,
    ),
    Column(
        "experiment",
        "Experiment",
        16,
        cells.plain(lambda view: view.run.experiment),
        lambda view, look: view.run.experiment,
        right=False,
        adapted=_where(lambda contents: contents.all_runs),
    ),
    Column(
        "epoch",
        "Epoch",
        5,
        cells.epochs,
        lambda view, look: view.progress.epochs_done,
        descending=True,
        adapted=_with_all_digits,
    ),
    Column(
        "progress",
        "Progress",
        9,
        cells.progress,
        lambda view, look: view.progress.fraction(),
        draw_group=cells.group_counts,
        descending=True,
        right=False,
        share=1,
        widest=32,
    ),
    Column("loss", "Loss", 6, cells.number(_loss, loss), _loss, priority=80),
    _metric("second", 1, priority=50),
    _metric("metric", 0, priority=None),
    Column("rate", "seq/s", 6, cells.number(_rate, rate), _rate, descending=True, priority=30),
    Column("memory", "Memory", 7, cells.number(_memory, memory), _memory, descending=True, priority=10),
    Column(
        "gpu",
        "GPU",
        5,
        cells.gpus,
        lambda view, look: view.load,
        descending=True,
        priority=20,
        adapted=_where(lambda contents: any(view.gpus for view in contents.views)),
    ),
    Column("eta", "ETA", 6, cells.number(values.eta, duration), values.eta, priority=70),
    Column(
        "note",
        "Status / Reason",
        16,
        cells.first_reason,
        lambda view, look: values.reason(view) or None,
        right=False,
        priority=60,
        share=2,
        adapted=_where(lambda contents: any(values.reason(view) for view in contents.views)),
    ),
)
