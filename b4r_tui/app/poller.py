"""Reads the experiments file and the runs: each `poll` returns an immutable snapshot if something has changed.

It runs in a worker thread; screens only receive its snapshots. All imports are deferred.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from b4r_tui.app.queue_poller import GpuPoller, QueuePoller
from b4r_tui.app.snapshot import RunView, Snapshot
from engine.contract.errors import B4RError

if TYPE_CHECKING:
    from b4r_tui.experiments.load import FileProblem
    from b4r_tui.runs.progress import RunProgress, RunWatch
    from b4r_tui.runs.queue.start_runner import RunnerWatch
    from b4r_tui.runs.state import RunState
    from b4r_tui.runs.store import Run
    from engine.contract.config.experiment import Experiment

NEW_RUNS_PER_POLL = 64  # so that a folder of thousands shows its newest runs at once
MAX_RUNS_PER_POLL = 1000  # later as many as are known already, up to this


class Poller:
    """Reads the experiments file when it changes, and the runs as they grow."""

    def __init__(self, file: Path, root: Path) -> None:
        self._file = file
        self._root = root
        self._stamp: tuple[int, int, int] | str | None = "never read"
        self._experiments: tuple[Experiment, ...] = ()
        self._problems: tuple[FileProblem, ...] = ()
        self._watches: dict[Path, Watched] = {}
        self._views: dict[Path, RunView] = {}
        self._first = True
        self._runner: RunnerWatch | None = None
        self._queue, self._gpus = QueuePoller(root), GpuPoller()

    def poll(self, reload: bool = False) -> Snapshot | None:
        """Return a snapshot, or None if nothing has changed. reload: read the TOML even if unchanged."""
        file_changed = self._read_file(reload)
        runs_changed = self._read_runs()
        if not (file_changed or runs_changed or self._first):
            return None
        self._first = False
        newest = sorted(self._views.values(), key=lambda view: view.run.run_id, reverse=True)
        return Snapshot(self._experiments, self._problems, tuple(newest))

    def _read_file(self, reload: bool) -> bool:
        stamp = _stamp(self._file)
        if stamp == self._stamp and not reload:
            return False
        self._stamp = stamp
        self._experiments, self._problems = read_experiments(self._file)
        return True

    def _read_runs(self) -> bool:
        from b4r_tui.runs.store import RunStore

        runs = {run.dir: run for run in RunStore(self._root).runs()}
        gone = self._views.keys() - runs.keys()
        for path in gone:
            del self._views[path], self._watches[path]
        changed = [self._read_run(run) for run in self._due(runs)]
        changed += self._read_queue()
        self._revive_runner()
        return bool(gone) or any(changed)

    def _read_queue(self) -> list[bool]:
        """Add to queued runs why they wait, unless their supervisor reports it; return which of them changed."""
        states = {path: view.state for path, view in self._views.items() if not view.state.ended}
        reasons = self._queue.reasons(states)
        return [self._set_reason(path, reason) for path, reason in reasons.items() if path in self._views]

    def _set_reason(self, path: Path, reason: str) -> bool:
        view, watch = self._views[path], self._watches[path]
        if watch.state.value != "queued" or watch.reported is not None or view.waits == reason:
            return False
        self._views[path] = replace(view, waits=reason)
        return True

    def _revive_runner(self) -> None:
        """Start the runner again if it was killed while runs are queued."""
        from b4r_tui.runs.queue.start_runner import RunnerWatch

        self._runner = self._runner or RunnerWatch(self._root)
        self._runner.revive({view.state for view in self._views.values() if view.state.value == "queued"})

    def _due(self, runs: dict[Path, Run]) -> Iterable[Run]:
        """Return the runs to read in this poll: new ones, and those that have not finished, which may be resumed."""
        from b4r_tui.runs.index import states_of

        new = [run for path, run in runs.items() if path not in self._views]
        states = states_of(self._root, new) if len(new) > NEW_RUNS_PER_POLL else {}
        new.sort(key=lambda run: run.run_id, reverse=True)
        new.sort(key=lambda run: run.dir in states and states[run.dir].ended)  # active ones first
        known = [view.run for view in self._views.values() if view.state.value != "finished"]
        return new[: max(NEW_RUNS_PER_POLL, min(len(self._views), MAX_RUNS_PER_POLL))] + known

    def _read_run(self, run: Run) -> bool:
        """Read a run; return whether it changed. An active run always does: its remaining time goes down."""
        from b4r_tui.runs.crash.explain import card_of
        from b4r_tui.runs.progress import RunWatch

        watch = self._watches.setdefault(run.dir, Watched(RunWatch(run)))
        before = self._views.get(run.dir)
        changed = watch.run.poll() or before is None
        status = None if watch.state.ended else run.status()
        watch.reported = status.waits if status else None
        waits = watch.reported or (before.waits if before and watch.state.value == "queued" else None)
        gpus = status.gpus if status else before.gpus if before else ()
        load = self._gpus.load(gpus) if watch.state.value == "running" else None
        if before is None or changed or (waits, gpus, load) != (before.waits, before.gpus, before.load):
            ended = run.exit() if watch.state.ended else None
            card = card_of(run, watch.state, ended) if watch.state.ended else None
            progress = _frozen(watch.run.progress)
            self._views[run.dir] = RunView(run, watch.state, progress, ended, card, waits, gpus, load)
        return changed or not watch.state.ended


@dataclass
class Watched:
    """A run that is followed, and what its supervisor reports it waits for."""

    run: RunWatch
    reported: str | None = None

    @property
    def state(self) -> RunState:
        """Its state in the last poll."""
        return self.run.state


def read_experiments(file: Path) -> tuple[tuple[Experiment, ...], tuple[FileProblem, ...]]:
    """Return the experiments of a file, or what is wrong with it."""
    from b4r_tui.experiments.load import ExperimentFileError, FileProblem, load_experiments

    try:
        return tuple(load_experiments(file).experiments), ()
    except ExperimentFileError as error:
        return (), tuple(error.problems)
    except B4RError as error:
        return (), (FileProblem(file, None, "", error.sentence),)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _frozen(progress: RunProgress) -> RunProgress:
    """Return a copy that the worker does not write to."""
    frozen = copy.copy(progress)
    frozen.history = list(progress.history)
    frozen.warnings = list(progress.warnings)
    return frozen
