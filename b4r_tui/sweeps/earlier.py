"""Runs of a sweep that are there already: which are kept, and which go on."""

from __future__ import annotations

from b4r_tui.runs.launch import launch
from b4r_tui.runs.records import STOPPED
from b4r_tui.runs.resume import resume
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run, RunStore
from b4r_tui.sweeps.fingerprint import fingerprint
from engine.contract import run_folder
from engine.contract.config.experiment import Experiment
from engine.contract.errors import B4RError
from engine.contract.events import RunFinished, read_events


def runs_of(store: RunStore, experiment: Experiment) -> list[Run]:
    """The runs of an experiment as it is set now, oldest first."""
    wanted = fingerprint(experiment)
    return [run for run in store.runs_of(experiment.name) if _fingerprint(run) == wanted]


def kept(runs: list[Run], retry: bool) -> Run | None:
    """The one of an experiment's runs that stands for it: finished, or under way, or ended for good; else None.

    retry: a run that failed does not stand for it.
    """
    finished = [run for run in runs if run.state is RunState.FINISHED]
    under_way = [run for run in runs if not run.state.ended]
    for standing in (finished, under_way):
        if standing:
            return standing[-1]
    return runs[-1] if runs and _ended_for_good(runs[-1], retry) else None


def started(store: RunStore, experiment: Experiment, runs: list[Run]) -> Run:
    """A run of the experiment that goes on where the last one was saved, or a new one. Raises B4RError."""
    if runs and _saved(runs[-1]):
        resume(runs[-1])
        return runs[-1]
    return launch(store, [experiment])[0]


def _fingerprint(run: Run) -> str | None:
    try:
        return fingerprint(run.config())
    except B4RError:
        return None


def _ended_for_good(run: Run, retry: bool) -> bool:
    """Whether nobody cut it short: then only `retry` runs it again."""
    state, ended = run.state, run.exit()
    if state is RunState.STOPPED and ended is not None:
        return ended.reason != STOPPED
    return state is RunState.FAILED and not retry


def _saved(run: Run) -> bool:
    """Whether there is something to go on with, and something left to do."""
    finished = any(isinstance(record.event, RunFinished) for record in read_events(run.events_path))
    return not finished and (run.dir / run_folder.CHECKPOINTS / run_folder.RESUMABLE).exists()
