"""Which runs the table shows and in which order: filter, sort and groups. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from b4r_tui.app.widgets.palette import GLYPHS

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView
    from b4r_tui.app.widgets.runs.columns import Look

Value = float | str | None
OPEN, FOLDED = "▾", "▸"
ORDER = ["running", "queued", "failed", "lost", "stopped", "finished"]  # what needs an eye first


@dataclass(frozen=True)
class Arrangement:
    """What a person asked for. by: a column's key, "" for newest first; falls: its highest value first.

    words: all must occur. folded: experiments whose runs are hidden under their heading.
    """

    words: str = ""
    by: str = ""
    falls: bool = False
    grouped: bool = False
    folded: frozenset[str] = field(default_factory=frozenset)

    def sorted_by(self, column: str) -> Arrangement:
        """By this column; by the same once more: the other way round, then newest first again."""
        if column != self.by:
            return replace(self, by=column, falls=column in FALLING)
        again = self.falls is (column in FALLING)
        return replace(self, falls=not self.falls) if again else replace(self, by="", falls=False)

    def with_fold(self, experiment: str) -> Arrangement:
        """Fold this group, or open it."""
        return replace(self, folded=self.folded ^ {experiment})


@dataclass(frozen=True)
class Heading:
    """A group's heading: the runs below it, which are hidden where it is folded."""

    experiment: str
    views: tuple[RunView, ...]
    folded: bool

    @property
    def key(self) -> str:
        """No folder of a run is called like this."""
        return f"{OPEN} {self.experiment}"

    @property
    def title(self) -> str:
        """Such as `▾ base`."""
        return f"{FOLDED if self.folded else OPEN} {self.experiment}"

    @property
    def counts(self) -> dict[str, int]:
        """How many runs are in which state, without those that none is in."""
        counts = {state: sum(view.state.value == state for view in self.views) for state in GLYPHS}
        return {state: count for state, count in counts.items() if count}


def arranged(views: list[RunView], asked: Arrangement, look: Look) -> list[RunView | Heading]:
    """The rows of the table. views: those that match, newest first."""
    shown = sort(views, asked, look)
    return grouped(shown, asked.folded) if asked.grouped else list(shown)


def matching(views: Sequence[RunView], words: str) -> list[RunView]:
    """The runs in whose experiment, id, state, cause or data set every word occurs; capitals do not matter."""
    found, wanted = list(views), words.lower().split()
    for word in wanted:
        found = [view for view in found if word in view.searched]
    return found


def sort(views: list[RunView], asked: Arrangement, look: Look) -> list[RunView]:
    """By the asked column, equal ones newest first; runs without a value stand last either way."""
    value = VALUES.get(asked.by)
    if value is None:
        return views
    valued = [(value(view, look), view) for view in views]
    there = [each for each in valued if each[0] is not None]
    there.sort(key=lambda each: each[0], reverse=asked.falls)  # type: ignore[arg-type, return-value]
    return [view for _, view in there] + [view for found, view in valued if found is None]


def grouped(views: Iterable[RunView], folded: frozenset[str]) -> list[RunView | Heading]:
    """Runs below headings of their experiments; groups in the order of their first runs."""
    groups: dict[str, list[RunView]] = {}
    for view in views:
        groups.setdefault(view.run.experiment, []).append(view)
    rows: list[RunView | Heading] = []
    for experiment, members in groups.items():
        heading = Heading(experiment, tuple(members), experiment in folded)
        rows += [heading, *([] if heading.folded else members)]
    return rows


def _metric(view: RunView, look: Look, number: int) -> Value:
    names = look.metrics
    return view.progress.metric(names[number], look.protocol) if number < len(names) else None


VALUES: dict[str, Callable[[RunView, Look], Value]] = {
    "state": lambda view, look: ORDER.index(view.state.value),
    "run": lambda view, look: view.run.run_id,
    "experiment": lambda view, look: view.run.experiment,
    "epoch": lambda view, look: view.progress.epochs_done,
    "progress": lambda view, look: view.progress.fraction(),
    "loss": lambda view, look: view.progress.loss,
    "metric": lambda view, look: _metric(view, look, 0),
    "second": lambda view, look: _metric(view, look, 1),
    "rate": lambda view, look: view.progress.sequences_per_second,
    "memory": lambda view, look: view.progress.memory_mb,
    "gpu": lambda view, look: view.load,
    "eta": lambda view, look: eta_of(view, look.now),
    "note": lambda view, look: note_of(view) or None,
}
FALLING = ("run", "epoch", "progress", "metric", "second", "rate", "memory", "gpu")  # the highest first


def eta_of(view: RunView, now: float) -> float | None:
    """Seconds to go of a running run."""
    return view.progress.eta_seconds(now) if view.state.value == "running" else None


def note_of(view: RunView) -> str:
    """What one would ask next: why it waits, or why it died."""
    if view.waits:
        return view.waits
    if view.state.value == "queued":
        return "waiting for its turn"
    if view.card is not None:
        return view.card.title if view.state.value == "lost" else f"{view.card.title}: {view.card.sentence}"
    return view.progress.error or ""
