"""Turns selected runs into the sides of a comparison: seeds of one recipe together, or each run by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from b4r_tui.results.groups import groups_of
from b4r_tui.results.selection import NamedRuns
from b4r_tui.runs.store import Run
from b4r_tui.runs.summary import read_summary


def sides_of(runs: Sequence[Run], together: bool) -> list[NamedRuns]:
    """Return the sides in the order of their first runs. together: runs that differ only in their seed are one side.

    Sides that would have the same name get the id of their first run appended.
    """
    by_id = {run.run_id: run for run in runs}
    if together:
        groups = groups_of(read_summary(run) for run in runs)
        named = [
            (group.name, [by_id[run_id] for run_id in (*group.run_ids, *group.repeats)]) for group in groups
        ]
    else:
        named = [(run.experiment, [run]) for run in runs]
    often = Counter(name for name, _ in named)
    return [
        NamedRuns(name if often[name] == 1 else f"{name} {members[0].run_id}", tuple(members))
        for name, members in named
    ]
