"""The columns of the table of runs: what each shows, and which of them fit a width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.text import Text

from b4r_tui.app.widgets import numbers
from b4r_tui.app.widgets.palette import Palette
from b4r_tui.app.widgets.runs.cells import DRAWN, WORDS
from b4r_tui.app.widgets.runs.order import note_of

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView

GAP = 1
WIDEST_BAR = 32
GLYPH = 1  # cells of a state without its word
NOTE = 16  # cells from which on a note says something
NARROW = 84  # below this a heading has one line
RISES, FALLS = "▲", "▼"
LEAST_NEEDED_FIRST = ("memory", "gpu", "rate", "second", "note", "eta", "loss")


@dataclass(frozen=True)
class Look:
    """What cells need besides the run: the moment, the colours, and the metrics shown of a protocol.

    metrics: the one that counts first, such as ndcg@10.
    """

    now: float
    palette: Palette
    protocol: str | None = None
    metrics: tuple[str, ...] = ("ndcg@10", "recall@10")


@dataclass(frozen=True)
class Column:
    """A column: its key, heading, width in cells, and whether numbers stand in it."""

    key: str
    label: str
    width: int
    right: bool = True

    def cell(self, view: RunView, look: Look) -> Text:
        """The cell of a run, exactly as wide as the column."""
        return numbers.fitted(DRAWN[self.key](view, look, self.width), self.width, self.right)

    def heading(self, by: str, falls: bool) -> Text:
        """Its heading, with an arrow where the table is sorted by it."""
        arrow = (FALLS if falls else RISES) if by == self.key else ""
        first, *rest = self.label.split("\n")
        lines = [f"{first}{arrow}" if self.width > len(first) and not self.right else first, *rest]
        texts = [
            numbers.fitted(Text(line, "bold" if arrow else ""), self.width, self.right) for line in lines
        ]
        if arrow not in texts[0].plain:
            texts[0].append(arrow, "bold")  # in the gap
        return Text("\n").join(texts)


def columns_for(
    width: int, all_runs: bool, marks: bool, views: Sequence[RunView], look: Look, title: int = 0
) -> list[Column]:
    """The columns that fit `width`: less needed ones go first, the note and the bar take what is left.

    title: cells that the longest heading of a group would like to have.
    """
    columns = _all_columns(views, look, look.protocol or "" if width >= NARROW else "")
    there = {
        "experiment": all_runs,
        "mark": marks,
        "gpu": any(view.gpus for view in views),
        "note": any(note_of(view) for view in views),
    }
    for key, is_there in there.items():
        if not is_there:
            del columns[key]
    _shrink(columns, width)
    spare = _use_spare(columns, width - _total(columns), title)
    bar = min(spare, WIDEST_BAR - columns["progress"].width) if "note" not in columns else spare // 3
    bar = min(bar, WIDEST_BAR - columns["progress"].width)
    _widen(columns, "progress", bar)
    _widen(columns, "note", spare - bar)
    return list(columns.values())


def shown_protocol(views: Sequence[RunView]) -> str | None:
    """The protocol whose metrics the table shows: the first one of the newest run that measured any."""
    for view in views:
        for epoch in view.progress.history:
            if epoch.metrics:
                return next(iter(epoch.metrics))
    return None


def shown_metrics(views: Sequence[RunView], protocol: str | None) -> tuple[str, ...]:
    """NDCG and recall at 10 where any run measures it, otherwise at the smallest cutoff there is."""
    cutoffs = {
        int(name.partition("@")[2]) for _, name in measured(views, protocol) if name.startswith("ndcg@")
    }
    cutoff = 10 if not cutoffs or 10 in cutoffs else min(cutoffs)
    return f"ndcg@{cutoff}", f"recall@{cutoff}"


def measured(views: Sequence[RunView], protocol: str | None = None) -> dict[tuple[str, str], None]:
    """(protocol, metric) of all that the runs measured in their last epochs, in their order."""
    return {
        (name, metric): None
        for view in views
        for epoch in view.progress.history[-1:]
        for name, metrics in epoch.metrics.items()
        for metric in metrics
        if protocol in (None, name)
    }


def _all_columns(views: Sequence[RunView], look: Look, protocol: str) -> dict[str, Column]:
    below = f"\n{protocol}" if protocol else ""
    metrics = [
        Column(key, f"{numbers.spelled(name)}{below}", max(len(name), 7, len(protocol)))
        for key, name in zip(("metric", "second"), look.metrics, strict=False)
    ]
    epochs = max((view.progress.epochs or 0 for view in views), default=0)
    columns = [
        Column("mark", "", 1, right=False),
        Column("state", "State", WORDS, right=False),
        Column("run", "Run", 20, right=False),
        Column("experiment", "Experiment", 16, right=False),
        Column("epoch", "Epoch", max(5, len(f"{epochs}/{epochs}"))),
        Column("progress", "Progress", 9, right=False),
        Column("loss", "Loss", 6),
        *reversed(metrics),
        Column("rate", "seq/s", 6),
        Column("memory", "Memory", 7),
        Column("gpu", "GPU", 5),
        Column("eta", "ETA", 6),
        Column("note", "Waits, or died", NOTE, right=False),
    ]
    return {column.key: column for column in columns}


def _total(columns: dict[str, Column]) -> int:
    return sum(column.width + GAP for column in columns.values())


def _shrink(columns: dict[str, Column], width: int) -> None:
    """Leave out what does not fit; before the numbers go, states lose their words."""
    for key in LEAST_NEEDED_FIRST:
        if _total(columns) <= width:
            return
        if key == "second":
            columns["state"] = replace(columns["state"], label="", width=GLYPH)
        if _total(columns) > width:
            columns.pop(key, None)


def _use_spare(columns: dict[str, Column], spare: int, title: int) -> int:
    """States get their words back where these fit after all, and headings of groups room; what is left then."""
    if columns["state"].width == GLYPH and spare >= WORDS - GLYPH:
        columns["state"] = replace(columns["state"], label="State", width=WORDS)
        spare -= WORDS - GLYPH
    more = min(spare, max(0, title - columns["run"].width))
    _widen(columns, "run", more)
    return spare - more


def _widen(columns: dict[str, Column], key: str, spare: int) -> None:
    if spare > 0 and key in columns:
        columns[key] = replace(columns[key], width=columns[key].width + spare)
