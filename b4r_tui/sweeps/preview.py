"""Estimates what a sweep would run and for how long, from the epochs of earlier runs."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean, median

from b4r_tui.common.format import plural
from b4r_tui.experiments.sweep_points import Sweep
from b4r_tui.runs.progress import RunWatch
from b4r_tui.runs.store import Run, RunStore
from b4r_tui.sweeps.earlier import existing_run, runs_of
from engine.contract.config.experiment import Experiment
from engine.contract.errors import B4RError

NEWEST = 30  # earlier runs considered
_UNITS = ((86400.0, "day"), (3600.0, "hour"), (60.0, "minute"), (1.0, "second"))


@dataclass(frozen=True)
class Preview:
    """runs: to be started; there: runs that exist already; seconds: for one run after another, None if unknown.

    most: whether `runs` is an upper bound, since the search may know some of its points already.
    """

    runs: int
    there: int
    seconds: float | None
    most: bool = False

    @property
    def sentence(self) -> str:
        """Return a sentence such as `12 runs, about 40 minutes`."""
        parts = [("at most " if self.most else "") + plural(self.runs, "run")]
        parts += [f"about {rough(self.seconds)}"] if self.seconds is not None and self.runs else []
        parts += [f"{self.there} more exist already"] if self.there else []
        return ", ".join(parts)


def preview(sweep: Sweep, store: RunStore) -> Preview:
    """Return what the sweep would start now; for an adaptive search, what it would start from its beginning."""
    options = sweep.plan.options
    planned = [experiment for point in sweep.points for experiment in point.experiments]
    missing = [each for each in planned if existing_run(runs_of(store, each), retry=False) is None]
    there = len(planned) - len(missing)
    wanted = missing if sweep.points else [sweep.example] * sweep.runs
    if options.budget_runs is not None:
        wanted = wanted[: max(0, options.budget_runs - there)]
    pace = epoch_seconds(store, sweep.plan.name, sweep.example)
    seconds = None if pace is None else pace * sum(each.training.num_epochs for each in wanted)
    if seconds is not None and options.budget_seconds is not None:
        seconds = min(seconds, options.budget_seconds)
    return Preview(len(wanted), there, seconds, most=not sweep.points)


def epoch_seconds(store: RunStore, name: str, like: Experiment) -> float | None:
    """Return the seconds per epoch of the newest runs of the experiment or its sweep, else of runs on the same data."""
    newest = store.runs()[::-1]
    own = [
        run for run in newest if run.experiment == name or run.experiment.startswith((f"{name}-", f"{name}."))
    ]
    for runs in (own, [run for run in newest[:NEWEST] if _data_of(run) == like.data]):
        paces = [pace for run in runs[:NEWEST] if (pace := _pace(run)) is not None]
        if paces:
            return median(paces)
    return None


def rough(seconds: float) -> str:
    """Return a time span in one unit: 40 minutes, 3 hours."""
    for unit, name in _UNITS:
        if seconds >= 1.5 * unit or unit == 1.0:
            return plural(max(1, round(seconds / unit)), name)
    raise AssertionError("unreachable")


def _pace(run: Run) -> float | None:
    watch = RunWatch(run)
    watch.poll()
    seconds = [epoch.seconds for epoch in watch.progress.history]
    return fmean(seconds) if seconds else None


def _data_of(run: Run) -> object:
    try:
        return run.config().data
    except B4RError:
        return None
