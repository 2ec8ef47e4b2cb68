"""Which runs the table shows and in which order: filter, sort and groups. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from b4r_tui.app.widgets.runs.groups import RunGroup, grouped

if TYPE_CHECKING:
    from b4r_tui.app.snapshot import RunView
    from b4r_tui.app.widgets.runs.columns import Column
    from b4r_tui.app.widgets.runs.look import Look


@dataclass(frozen=True)
class Arrangement:
    """How the user wants to see runs. by: a column's key, "" for newest first.

    words: all must occur. folded: experiments whose runs are hidden under their heading.
    """

    words: str = ""
    by: str = ""
    descending: bool = False
    grouped: bool = False
    folded: frozenset[str] = field(default_factory=frozenset)

    def sorted_by(self, column: Column) -> Arrangement:
        """Sort by a column; the second time reversed, the third time newest first again."""
        if column.key != self.by:
            return replace(self, by=column.key, descending=column.descending)
        if self.descending is column.descending:
            return self.reversed()
        return self.newest_first()

    def reversed(self) -> Arrangement:
        """Reverse the order, unless it is newest first."""
        return replace(self, descending=not self.descending) if self.by else self

    def newest_first(self) -> Arrangement:
        """Sort by no column."""
        return replace(self, by="", descending=False)

    def with_fold(self, experiment: str) -> Arrangement:
        """Fold this group, or open it."""
        return replace(self, folded=self.folded ^ {experiment})


def arranged(
    views: list[RunView], arrangement: Arrangement, column: Column | None, look: Look
) -> list[RunView | RunGroup]:
    """Return the rows of the table. views: those that match, newest first. column: to sort by."""
    shown = sort(views, column, arrangement.descending, look)
    return grouped(shown, arrangement.folded) if arrangement.grouped else list(shown)


def matching(views: Sequence[RunView], words: str) -> list[RunView]:
    """Return the runs in whose experiment, id, state, cause or data set every word occurs, in upper or lower case."""
    matches = list(views)
    for word in words.lower().split():
        matches = [view for view in matches if word in view.searched]
    return matches


def sort(views: list[RunView], column: Column | None, descending: bool, look: Look) -> list[RunView]:
    """Sort by a column, equal ones newest first; runs without a value come last either way."""
    if column is None or column.value is None:
        return views
    valued = [(column.value(view, look), view) for view in views]
    present = [each for each in valued if each[0] is not None]
    present.sort(key=lambda each: each[0], reverse=descending)  # type: ignore[arg-type, return-value] # of one kind
    return [view for _, view in present] + [view for value, view in valued if value is None]
