"""Drives a sweep: each step polls its runs, settles trials that are over, and starts new ones in free slots."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

from b4r_tui.experiments.sweep_points import Point
from b4r_tui.runs.launch import stop
from b4r_tui.runs.locks import is_held
from b4r_tui.runs.progress import RunWatch
from b4r_tui.runs.records import PRUNED, STOPPED, write_exit
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run, RunStore
from b4r_tui.runs.summary import write_summary
from b4r_tui.sweeps.budget import Budget
from b4r_tui.sweeps.earlier import existing_run, resume_or_launch, runs_of
from b4r_tui.sweeps.search import Search
from b4r_tui.sweeps.trial import Trial
from engine.contract import run_folder
from engine.contract.config.experiment import Experiment


class Driver:
    """Runs the trials of a sweep; call `step` until `done`.

    trials: all so far, in order. spent: whether the budget prevented runs from starting. now: returns Unix seconds.
    """

    def __init__(
        self,
        store: RunStore,
        search: Search,
        budget: Budget,
        retry: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._search, self._budget, self._retry, self._now = store, search, budget, retry, now
        self.trials: list[Trial] = []
        self.spent = False
        self.reused_runs = 0
        self._runs: dict[Path, Run] = {}
        self._active: list[Trial] = []
        self._asked_all = False
        for point in search.known():
            self._note_runs(point)
        for point in search.known():
            self._begin(point, search.was_pruned(point), search.is_settled(point))

    @property
    def done(self) -> bool:
        """Return whether no trial is active and none will follow."""
        return self._asked_all and not self._active

    @property
    def watches(self) -> list[RunWatch]:
        """Return the runs of all trials, in order."""
        return [watch for trial in self.trials for watch in trial.watches]

    def step(self) -> list[RunWatch]:
        """Take one step and return the runs that changed. Raises B4RError if no run can be started."""
        changed = [watch for trial in self._active for watch in trial.watches if watch.poll()]
        for trial in self._active:
            if not trial.over:
                self._advance(trial)
        for trial in [trial for trial in self._active if _is_settled(trial)]:
            self._settle(trial)
        while self._has_slot() and (point := self._next()):
            self._note_runs(point)
            changed += self._begin(point)
        self._asked_all = self._asked_all or self._has_slot()
        return changed

    def _has_slot(self) -> bool:
        """Return whether one more trial may begin: no run of this sweep is queued, so a slot may be free."""
        most = self._search.most
        waits = any(watch.state is RunState.QUEUED for trial in self._active for watch in trial.watches)
        return not self._asked_all and not waits and (most is None or len(self._active) < most)

    def _next(self) -> Point | None:
        """Return one more point. A plan is walked to its end even without budget, to find runs that exist already."""
        return self._search.next() if self._search.planned or self._allows(1) else None

    def _begin(self, point: Point, pruned: str | None = None, settled: bool = False) -> list[RunWatch]:
        """Reuse the runs the point has, start those it lacks if the budget allows, and return its watches."""
        trial = Trial(point, pruned=pruned)
        for experiment in point.experiments:
            run = existing_run(self._runs_of(experiment), self._retry)
            if run is not None:
                trial.watches.append(self._watched(run))
                self.reused_runs += run.state is RunState.FINISHED
            elif not pruned and not settled:
                trial.waiting.append(experiment)
        if trial.waiting and not self._allows(len(trial.waiting)):
            trial.waiting = []
        self.trials.append(trial)
        self._active.append(trial)
        self._start_waiting(trial)
        return trial.watches

    def _start_waiting(self, trial: Trial) -> None:
        """Start the waiting runs: all of them, or only the first seed if the search scouts with it."""
        many = 1 if self._search.scouts and not trial.watches else len(trial.waiting)
        for experiment in trial.waiting[:many]:
            run = resume_or_launch(self._store, experiment, self._runs_of(experiment))
            self._runs[run.dir] = run
            trial.watches.append(self._watched(run))
        del trial.waiting[:many]

    def _advance(self, trial: Trial) -> None:
        """Prune the trial if it is bad, start the other seeds after the first, and withdraw runs beyond the budget."""
        if trial.pruned is None:
            trial.pruned = self._search.why_prune(trial)
        ended = [watch for watch in trial.watches if watch.state.ended]
        bad = any(watch.state is not RunState.FINISHED for watch in ended)
        if trial.pruned or bad or (trial.waiting and not self._allows(len(trial.waiting))):
            trial.waiting = []
        elif len(ended) == len(trial.watches):
            self._start_waiting(trial)
        for watch in trial.watches:
            late = watch.state is RunState.QUEUED and not self._allows(0)
            if not watch.state.ended and (trial.pruned or late):
                stop(watch.run)

    def _settle(self, trial: Trial) -> None:
        self._active.remove(trial)
        if trial.pruned:
            for watch in trial.watches:
                _mark_pruned(watch.run, trial.pruned)
        self._search.report(trial)

    def _allows(self, new: int) -> bool:
        allowed = self._budget.allows(new, self._runs.values(), self._now())
        self.spent = self.spent or not allowed
        return allowed

    def _note_runs(self, point: Point) -> None:
        """Count the existing runs of the point towards the budget."""
        self._runs |= {
            run.dir: run for experiment in point.experiments for run in runs_of(self._store, experiment)
        }

    def _runs_of(self, experiment: Experiment) -> list[Run]:
        return runs_of(self._store, experiment)

    def _watched(self, run: Run) -> RunWatch:
        watch = RunWatch(run)
        watch.poll()
        return watch


def _is_settled(trial: Trial) -> bool:
    """Return whether the trial is over; for a pruned one, whether its supervisors have also written how it ended."""
    held = trial.pruned and any(is_held(watch.run.dir / run_folder.LOCK) for watch in trial.watches)
    return trial.over and not held


def _mark_pruned(run: Run, why: str) -> None:
    """Record in the run why it was stopped; a run that ended otherwise is left unchanged."""
    ended = run.exit()
    if ended is not None and ended.reason == STOPPED:
        write_exit(run.dir, dataclasses.replace(ended, reason=PRUNED, error=why))
        write_summary(run)
