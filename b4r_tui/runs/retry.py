"""Retries failed or lost runs: resumes them in their folder where possible, else starts new runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from b4r_tui.runs.index import states_of
from b4r_tui.runs.preflight.preflight import preflight, record_warnings
from b4r_tui.runs.queue.start_runner import ensure_runner
from b4r_tui.runs.queue_place import read_place
from b4r_tui.runs.resume import has_finished_training, is_resumable, resume
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run, RunStore
from engine.contract.errors import B4RError


def failed_runs(store: RunStore, only: Sequence[str] = ()) -> list[Run]:
    """Return failed and lost runs that no new run replaces, oldest first. only: of these experiments."""
    runs = store.runs()
    states = states_of(store.root, runs)
    replaced = {read_place(run.dir).retry_of for run in runs}
    return [
        run
        for run in runs
        if states[run.dir] in (RunState.FAILED, RunState.LOST)
        and run.name not in replaced
        and (not only or run.experiment in only)
    ]


def retry(store: RunStore, runs: Iterable[Run], fresh: bool = False) -> list[Run]:
    """Queue each run again, and return the queued runs in order.

    A run resumes in its folder from its last checkpoint, or restarts there from scratch if it has none. One whose
    training had finished gets a new run with the same frozen settings; with `fresh` all do. Runs that waited for a
    replaced run wait for the new one. Raises B4RError for a run that is running or finished, or that the pre-flight
    refuses; those before it are queued.
    """
    replacements: dict[str, str] = {}
    queued = []
    for run in sorted(runs, key=lambda run: run.run_id):
        if not is_resumable(run.state):
            raise B4RError(f"{run.name} is {run.state}; only failed, stopped or lost runs can be retried")
        made = _replaced(store, run, replacements) if fresh or has_finished_training(run) else _resumed(run)
        replacements[run.name] = made.name
        queued.append(made)
    ensure_runner(store.root)
    return queued


def _resumed(run: Run) -> Run:
    resume(run)
    return run


def _replaced(store: RunStore, run: Run, replacements: dict[str, str]) -> Run:
    experiment, place = run.config(), read_place(run.dir)
    (warnings,) = preflight(store.root, [experiment])
    after = tuple(replacements.get(name, name) for name in place.after)
    made = store.create(experiment, replace(place, order=None, paused=False, after=after, retry_of=run.name))
    record_warnings(made, warnings)
    return made
