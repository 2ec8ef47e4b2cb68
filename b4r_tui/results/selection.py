"""Selects runs by name: an experiment's name selects all its runs as a group, an id one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from b4r_tui.results.groups import groups_of
from b4r_tui.runs.store import Run, RunStore
from b4r_tui.runs.summary import Summary, read_summary


@dataclass(frozen=True)
class NamedRuns:
    """Runs taken together under a name. left_out: runs of that name whose settings differ from the latest."""

    name: str
    runs: tuple[Run, ...]
    left_out: tuple[Run, ...] = ()


def named_runs(store: RunStore, names: Sequence[str]) -> list[NamedRuns]:
    """Return what each name selects: an experiment, the seeds of a sweep under their common name, or one run.

    If the settings of an experiment have changed, its tested runs with the latest settings count. Raises B4RError if a
    name matches no run, or several.
    """
    runs = store.runs()
    return [_named(store, runs, name) for name in dict.fromkeys(names)]


def _named(store: RunStore, runs: Sequence[Run], name: str) -> NamedRuns:
    mine = [run for run in runs if run.experiment == name]
    if not mine:
        mine = _of_group(runs, name)
    if not mine:
        return NamedRuns(name, (store.find(name),))
    tested = [(run, summary) for run in mine if is_tested(summary := read_summary(run))]
    if not tested:
        return NamedRuns(name, (mine[-1],))
    recipe = tested[-1][1].get("recipe")
    alike = tuple(run for run, summary in tested if summary.get("recipe") == recipe)
    return NamedRuns(name, alike, tuple(run for run, _ in tested if run not in alike))


def _of_group(runs: Sequence[Run], name: str) -> list[Run]:
    """Return the runs of the group of that name, whose experiments have longer names."""
    near = {run.run_id: run for run in runs if run.experiment.startswith(name.partition("-")[0])}
    groups = groups_of(read_summary(run) for run in near.values())
    matching = [group for group in groups if group.name == name]
    return [near[run_id] for group in matching for run_id in (*group.repeats, *group.run_ids)]


def is_tested(summary: Summary) -> bool:
    """Return whether the run has test metrics."""
    return summary.get("tested_epoch") is not None
