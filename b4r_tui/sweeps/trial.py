"""A trial: one point of a sweep with its runs, its state and its value."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean, stdev

from b4r_tui.experiments.sweep_points import Point
from b4r_tui.runs.progress import RunWatch
from b4r_tui.runs.state import RunState
from engine.contract.config.experiment import Experiment


@dataclass
class Trial:
    """A point and its runs.

    waiting: experiments whose runs have not started. pruned: why the trial was stopped early, else None.
    """

    point: Point
    watches: list[RunWatch] = field(default_factory=list)
    waiting: list[Experiment] = field(default_factory=list)
    pruned: str | None = None

    @property
    def over(self) -> bool:
        """Return whether all runs have ended and none is waiting."""
        return not self.waiting and all(watch.state.ended for watch in self.watches)

    @property
    def state(self) -> str:
        """Return the state as for a run; also `pruned`, and `left out` if the budget did not allow all its runs."""
        if self.pruned:
            return "pruned"
        states = [watch.state for watch in self.watches]
        for state in (RunState.RUNNING, RunState.FAILED, RunState.LOST, RunState.STOPPED, RunState.QUEUED):
            if state in states:
                return state.value
        if self.waiting:
            return RunState.QUEUED.value
        return RunState.FINISHED.value if len(states) == len(self.point.experiments) else "left out"

    @property
    def values(self) -> list[float]:
        """Return the best validation value of each finished run, by the metric that selects its best epoch."""
        finished = [watch for watch in self.watches if watch.state is RunState.FINISHED]
        bests = [max(curve(watch, self.point.experiments[0]).values(), default=None) for watch in finished]
        return [best for best in bests if best is not None]

    @property
    def value(self) -> float | None:
        """Return the mean over the seeds of the point; None until all of them have finished."""
        values = self.values
        return fmean(values) if len(values) == len(self.point.experiments) and not self.pruned else None

    @property
    def deviation(self) -> float | None:
        """Return the sample standard deviation over seeds."""
        return stdev(self.values) if len(self.values) > 1 else None

    @property
    def fingerprint(self) -> str:
        """Return the fingerprint of the split on which the runs were measured."""
        started = [watch.progress.started for watch in self.watches if watch.progress.started]
        return str(started[0].dataset.get("fingerprint", "")) if started else ""


def curve(watch: RunWatch, experiment: Experiment) -> dict[int, float]:
    """Return epoch → validation value of the metric that selects the best epoch, under the first protocol."""
    evaluation = experiment.evaluation
    return dict(watch.progress.metric_curve(evaluation.select_by, evaluation.protocols[0]))
