"""The columns of the table of runs: what each shows, and which of them fit a width."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.text import Text

from b4r_tui.widgets import numbers
from b4r_tui.widgets.palette import Palette
from b4r_tui.wording import duration

if TYPE_CHECKING:
    from b4r_tui.feed import RunView

GAP = 1
WIDEST_BAR = 40
NARROW = 84  # below this a heading has one line


@dataclass(frozen=True)
class Look:
    """What cells need besides the run: the moment, the colours, the metric's protocol and cutoff."""

    now: float
    palette: Palette
    protocol: str | None = None
    cutoff: int = 10


@dataclass(frozen=True)
class Column:
    """A column: its key, heading, width in cells and how it draws a run."""

    key: str
    label: str
    width: int
    draw: Callable[[RunView, Look, int], Text]
    right: bool = True

    def cell(self, view: RunView, look: Look) -> Text:
        """The cell of a run, exactly as wide as the column."""
        return numbers.fitted(self.draw(view, look, self.width), self.width, self.right)


def columns_for(width: int, all_runs: bool, views: Sequence[RunView], look: Look) -> list[Column]:
    """The columns that fit `width`: less needed ones go first, the progress bar takes what is left."""
    columns = _all_columns(look, views, look.protocol or "" if width >= NARROW else "")
    if not all_runs:
        del columns["experiment"]
    for shrink in (_glyph_only, _without("rate"), _without("recall"), _without("eta"), _without("loss")):
        if _total(columns) <= width:
            break
        shrink(columns)
    spare = min(width - _total(columns), WIDEST_BAR - columns["progress"].width)
    if spare > 0:
        columns["progress"] = replace(columns["progress"], width=columns["progress"].width + spare)
    return list(columns.values())


def shown_protocol(views: Sequence[RunView]) -> str | None:
    """The protocol whose metrics the table shows: the first one of the newest run that measured any."""
    for view in views:
        for epoch in view.progress.history:
            if epoch.metrics:
                return next(iter(epoch.metrics))
    return None


def shown_cutoff(views: Sequence[RunView], protocol: str | None) -> int:
    """10 where any run measures it, otherwise the smallest cutoff there is."""
    names = {
        name
        for view in views
        for epoch in view.progress.history[-1:]
        for name in epoch.metrics.get(protocol or "", {})
    }
    cutoffs = {int(name.partition("@")[2]) for name in names if name.startswith("ndcg@")}
    return 10 if not cutoffs or 10 in cutoffs else min(cutoffs)


def _all_columns(look: Look, views: Sequence[RunView], protocol: str) -> dict[str, Column]:
    below = f"\n{protocol}" if protocol else ""
    metric_width = max(9, len(protocol))
    columns = [
        Column("state", "State", 10, _state, right=False),
        Column("run", "Run", 20, _run, right=False),
        Column("experiment", "Experiment", 16, _experiment, right=False),
        Column("epoch", "Epoch", max([5, *(len(epoch_of(view)) for view in views)]), _epoch),
        Column("progress", "Progress", 9, _progress, right=False),
        Column("loss", "Loss", 6, _loss),
        Column("recall", f"Recall@{look.cutoff}{below}", metric_width, _metric("recall")),
        Column("ndcg", f"NDCG@{look.cutoff}{below}", max(7, len(protocol)), _metric("ndcg")),
        Column("rate", "seq/s", 6, _rate),
        Column("eta", "ETA", 6, _eta),
    ]
    return {column.key: column for column in columns}


def _total(columns: dict[str, Column]) -> int:
    return sum(column.width + GAP for column in columns.values())


def _glyph_only(columns: dict[str, Column]) -> None:
    columns["state"] = Column(
        "state", "", 1, lambda view, look, _: look.palette.glyph(view.state), right=False
    )


def _without(key: str) -> Callable[[dict[str, Column]], None]:
    def shrink(columns: dict[str, Column]) -> None:
        del columns[key]

    return shrink


def _state(view: RunView, look: Look, _: int) -> Text:
    return look.palette.badge(view.state)


def _run(view: RunView, look: Look, _: int) -> Text:
    return Text(view.run.run_id)


def _experiment(view: RunView, look: Look, _: int) -> Text:
    return Text(view.run.experiment)


def _epoch(view: RunView, look: Look, _: int) -> Text:
    return Text(epoch_of(view))


def epoch_of(view: RunView) -> str:
    """Epochs done of all, such as 7/20."""
    epochs = view.progress.epochs
    if not epochs:
        return numbers.NONE
    return f"{view.progress.epochs_done}/{epochs}"


def _progress(view: RunView, look: Look, width: int) -> Text:
    if view.state.value == "queued":
        return Text("waiting", look.palette.queued)
    return numbers.bar(view.progress.fraction(), width, look.palette.of(view.state), look.palette.faint)


def _loss(view: RunView, look: Look, _: int) -> Text:
    return _dimmed(numbers.loss(view.progress.loss), look)


def _metric(name: str) -> Callable[[RunView, Look, int], Text]:
    def draw(view: RunView, look: Look, _: int) -> Text:
        value = view.progress.metric(f"{name}@{look.cutoff}", look.protocol) if look.protocol else None
        return _dimmed(numbers.metric(value), look)

    return draw


def _rate(view: RunView, look: Look, _: int) -> Text:
    return _dimmed(numbers.rate(view.progress.sequences_per_second), look)


def _eta(view: RunView, look: Look, _: int) -> Text:
    if view.state.value == "running":
        return _dimmed(duration(view.progress.eta_seconds(look.now)), look)
    return Text(numbers.NONE, look.palette.faint)


def _dimmed(shown: str, look: Look) -> Text:
    return Text(shown, look.palette.faint if shown == numbers.NONE else "")
