"""Gives runs that failed or got lost another try: in their own folder where they can go on, else as new runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from b4r_tui.runs.index import states_of
from b4r_tui.runs.preflight.preflight import preflight, record_warnings
from b4r_tui.runs.queue.start_runner import ensure_runner
from b4r_tui.runs.queue_place import read_place
from b4r_tui.runs.resume import has_told_its_end, resumable, resume
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run, RunStore
from engine.contract.errors import B4RError


def failed_runs(store: RunStore, only: Sequence[str] = ()) -> list[Run]:
    """Runs that failed or got lost and have no new run in their place, oldest first. only: of these experiments."""
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


def retry(store: RunStore, runs: Iterable[Run], anew: bool = False) -> list[Run]:
    """Queue each run once more; the runs that are queued now, in order.

    A run goes on in its folder from its last checkpoint, or begins anew there where it has none. One whose training had
    come to its end gets a new run with the same frozen settings; with `anew` all do. What came after a run that is
    replaced comes after the new one. Raises B4RError for a run under way or finished, or that the pre-flight refuses;
    those before it are queued.
    """
    instead: dict[str, str] = {}
    queued = []
    for run in sorted(runs, key=lambda run: run.run_id):
        if not resumable(run.state):
            raise B4RError(
                f"{run.name} is {run.state}; only runs that failed, were stopped or got lost are retried"
            )
        made = _replaced(store, run, instead) if anew or has_told_its_end(run) else _resumed(run)
        instead[run.name] = made.name
        queued.append(made)
    ensure_runner(store.root)
    return queued


def _resumed(run: Run) -> Run:
    resume(run)
    return run


def _replaced(store: RunStore, run: Run, instead: dict[str, str]) -> Run:
    experiment, place = run.config(), read_place(run.dir)
    (warnings,) = preflight(store.root, [experiment])
    after = tuple(instead.get(name, name) for name in place.after)
    made = store.create(experiment, replace(place, order=None, paused=False, after=after, retry_of=run.name))
    record_warnings(made, warnings)
    return made
