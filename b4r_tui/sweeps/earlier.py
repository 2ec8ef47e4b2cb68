"""Runs of a sweep that exist already: which are reused, and which are resumed."""

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
    """Return the runs of an experiment with its current settings, oldest first."""
    wanted = fingerprint(experiment)
    return [run for run in store.runs_of(experiment.name) if _fingerprint(run) == wanted]


def existing_run(runs: list[Run], retry: bool) -> Run | None:
    """Return the run of an experiment that can be reused: finished, still active, or ended for good; else None.

    retry: a failed run is not reused.
    """
    finished = [run for run in runs if run.state is RunState.FINISHED]
    active = [run for run in runs if not run.state.ended]
    for candidates in (finished, active):
        if candidates:
            return candidates[-1]
    return runs[-1] if runs and _ended_for_good(runs[-1], retry) else None


def resume_or_launch(store: RunStore, experiment: Experiment, runs: list[Run]) -> Run:
    """Resume the last run of the experiment from its checkpoint, or launch a new one. Raises B4RError."""
    if runs and _is_resumable(runs[-1]):
        resume(runs[-1])
        return runs[-1]
    return launch(store, [experiment])[0]


def _fingerprint(run: Run) -> str | None:
    try:
        return fingerprint(run.config())
    except B4RError:
        return None


def _ended_for_good(run: Run, retry: bool) -> bool:
    """Return whether the run ended by itself, so that only `retry` runs it again."""
    state, ended = run.state, run.exit()
    if state is RunState.STOPPED and ended is not None:
        return ended.reason != STOPPED
    return state is RunState.FAILED and not retry


def _is_resumable(run: Run) -> bool:
    """Return whether the run has a checkpoint to resume from and epochs left to train."""
    finished = any(isinstance(record.event, RunFinished) for record in read_events(run.events_path))
    return not finished and (run.dir / run_folder.CHECKPOINTS / run_folder.RESUMABLE).exists()
