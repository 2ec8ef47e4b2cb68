"""Runs in groups, one for each experiment, below headings that fold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from b4r_tui.app.widgets.palette import GLYPHS

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView

OPEN, FOLDED = "▾", "▸"


@dataclass(frozen=True)
class RunGroup:
    """The runs of one experiment below a heading, which hides them where it is folded."""

    experiment: str
    views: tuple[RunView, ...]
    folded: bool

    @property
    def key(self) -> str:
        """Return the key of the heading's row, which no run's folder can have."""
        return f"{OPEN} {self.experiment}"

    @property
    def title(self) -> str:
        """Return the heading, such as `▾ base`."""
        return f"{FOLDED if self.folded else OPEN} {self.experiment}"

    @property
    def counts(self) -> dict[str, int]:
        """Return the number of runs in each state that any run is in."""
        counts = {state: sum(view.state.value == state for view in self.views) for state in GLYPHS}
        return {state: count for state, count in counts.items() if count}


def grouped(views: Iterable[RunView], folded: frozenset[str]) -> list[RunView | RunGroup]:
    """Return runs below the headings of their groups, which are in the order of their first runs."""
    groups: dict[str, list[RunView]] = {}
    for view in views:
        groups.setdefault(view.run.experiment, []).append(view)
    rows: list[RunView | RunGroup] = []
    for experiment, members in groups.items():
        group = RunGroup(experiment, tuple(members), experiment in folded)
        rows += [group, *([] if group.folded else members)]
    return rows
