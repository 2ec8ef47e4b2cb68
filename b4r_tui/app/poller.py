"""What the screens show: one `poll` reads the TOML and the runs and gives values that never change.

It runs in a worker thread; screens only receive its snapshots.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from b4r_tui.app.queue_poller import GpuWatch, QueueWatch
from b4r_tui.app.snapshot import RunView, Snapshot
from engine.contract.errors import B4RError

if TYPE_CHECKING:
    from b4r_tui.experiments.load import FileProblem
    from b4r_tui.runs.progress import RunProgress, RunWatch
    from b4r_tui.runs.queue.start_runner import RunnerWatch
    from b4r_tui.runs.state import RunState
    from b4r_tui.runs.store import Run
    from engine.contract.config.experiment import Experiment

NEW_RUNS_A_POLL = 64  # so that a folder of thousands shows its newest runs at once
MOST_A_POLL = 1000  # later as many as are known already, but no more than these


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
        self._queue, self._gpus = QueueWatch(root), GpuWatch()

    def poll(self, reload: bool = False) -> Snapshot | None:
        """What is to be shown now, or None where it is as it was. reload: read the TOML even if unchanged."""
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
        from b4r_tui.runs.store import RunStore  # in the worker: the first paint need not wait for it

        runs = {run.dir: run for run in RunStore(self._root).runs()}
        gone = self._views.keys() - runs.keys()
        for path in gone:
            del self._views[path], self._watches[path]
        changed = [self._read_run(run) for run in self._due(runs)]
        changed += self._read_queue()
        self._keep_runner()
        return bool(gone) or any(changed)

    def _read_queue(self) -> list[bool]:
        """Tell queued runs why they wait, where their supervisor has not said so; which of them have news."""
        states = {path: view.state for path, view in self._views.items() if not view.state.ended}
        reasons = self._queue.reasons(states)
        news = {path: reason for path, reason in reasons.items() if path in self._views}
        return [self._waits_for(path, reason) for path, reason in news.items()]

    def _waits_for(self, path: Path, reason: str) -> bool:
        view, watch = self._views[path], self._watches[path]
        if watch.state.value != "queued" or watch.told is not None or view.waits == reason:
            return False
        self._views[path] = replace(view, waits=reason)
        return True

    def _keep_runner(self) -> None:
        """Runs that wait go on waiting for a runner, should theirs be killed."""
        from b4r_tui.runs.queue.start_runner import RunnerWatch

        self._runner = self._runner or RunnerWatch(self._root)
        self._runner.revive({view.state for view in self._views.values() if view.state.value == "queued"})

    def _due(self, runs: dict[Path, Run]) -> Iterable[Run]:
        """Runs to look at in this poll: new ones, and those that have not finished, which may be taken up again."""
        from b4r_tui.runs.index import states_of

        new = [run for path, run in runs.items() if path not in self._views]
        states = states_of(self._root, new) if len(new) > NEW_RUNS_A_POLL else {}
        new.sort(key=lambda run: run.run_id, reverse=True)
        new.sort(key=lambda run: run.dir in states and states[run.dir].ended)  # those under way at once
        known = [view.run for view in self._views.values() if view.state.value != "finished"]
        return new[: max(NEW_RUNS_A_POLL, min(len(self._views), MOST_A_POLL))] + known

    def _read_run(self, run: Run) -> bool:
        """Look at a run; whether it has news. An active run always has: its time left goes down."""
        from b4r_tui.runs.crash.explain import card_of
        from b4r_tui.runs.progress import RunWatch

        watch = self._watches.setdefault(run.dir, Watched(RunWatch(run)))
        before = self._views.get(run.dir)
        changed = watch.run.poll() or before is None
        status = None if watch.state.ended else run.status()
        watch.told = status.waits if status else None
        waits = watch.told or (before.waits if before and watch.state.value == "queued" else None)
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
    """A run that is followed, and what its supervisor says it waits for."""

    run: RunWatch
    told: str | None = None

    @property
    def state(self) -> RunState:
        """Its state at the last look."""
        return self.run.state


def read_experiments(file: Path) -> tuple[tuple[Experiment, ...], tuple[FileProblem, ...]]:
    """The experiments of a file, or what is wrong with it."""
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
    """A copy that the worker no longer writes to."""
    frozen = copy.copy(progress)
    frozen.history = list(progress.history)
    frozen.warnings = list(progress.warnings)
    return frozen
