"""Resumes a stopped, failed or lost run: queues a new attempt with the same folder and id."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from b4r_tui.runs import processes
from b4r_tui.runs.locks import try_hold
from b4r_tui.runs.ownership import check_root
from b4r_tui.runs.preflight.preflight import preflight, record_warnings
from b4r_tui.runs.queue.adopt import adopt
from b4r_tui.runs.queue.start_runner import ensure_runner
from b4r_tui.runs.queue_place import read_place, write_place
from b4r_tui.runs.records import write_status
from b4r_tui.runs.state import RunState, read_state
from b4r_tui.runs.store import Run, config_text, queued_now
from engine.contract import run_folder
from engine.contract.atomic_files import write_text
from engine.contract.config.experiment import Experiment
from engine.contract.config.launch import JOB_PATTERN, LaunchConfig
from engine.contract.config.validation import problems_of
from engine.contract.errors import B4RError, ExitCode
from engine.contract.events import RunFinished, read_events

LOCK_SECONDS = 5.0


def resume(run: Run, j: str | None = None, mode: str | None = None) -> None:
    """Queue a new attempt of `run` and return at once; the engine resumes from `checkpoints/last`.

    j, mode: replace launch.j and launch.mode; the number of sequences per step over all ranks stays the same. Raises
    B4RError if the run is running or finished, can't be spread like that, or the pre-flight refuses it.
    """
    check_root(run.dir.parent.parent)
    check_root(run.dir)
    _check_unfinished(run)
    if not is_resumable(run.state):
        raise B4RError(f"{run.name} is {run.state}; stop it first")
    try:
        if not adopt(run):
            _queue_attempt(run, j, mode)
    except OSError as error:
        raise B4RError(f"{error.filename}: {error.strerror or error}", ExitCode.ENVIRONMENT) from error
    ensure_runner(run.dir.parent.parent)


def _queue_attempt(run: Run, j: str | None, mode: str | None) -> None:
    lock = _lock(run)
    try:
        _prepare(run, j, mode)
    finally:
        os.close(lock)


def _prepare(run: Run, j: str | None, mode: str | None) -> None:
    """Do all that needs the lock. Another process may have been faster and have finished the run."""
    _check_unfinished(run)
    before = run.config()
    after = spread(before, j, mode)
    (warnings,) = preflight(run.dir.parent.parent, [after])
    processes.kill_all(lambda: processes.carriers(run.run_id))  # ranks of a lost run may still be writing
    folder = _archive_attempt(run)
    if after != before:
        write_text(run.dir / run_folder.CONFIG, config_text(after))
    record_warnings(run, warnings)
    _requeue(run, folder)


def _lock(run: Run) -> int:
    """Take the run's lock; its last supervisor may hold it for a moment after writing exit.json."""
    deadline = time.monotonic() + LOCK_SECONDS
    while (lock := try_hold(run.dir / run_folder.LOCK)) is None:
        if time.monotonic() > deadline:
            raise B4RError(f"{run.name} is still shutting down, or another program resumes it; try again")
        time.sleep(0.02)
    return lock


def spread(experiment: Experiment, j: str | None, mode: str | None) -> Experiment:
    """Return the experiment on other ranks or in another mode, with the same sequences per step over all ranks.

    Raises B4RError if they can't be divided evenly, or the settings contradict each other.
    """
    settings = experiment.model_dump()
    settings["launch"] |= {"j": j or experiment.launch.j, "mode": mode or experiment.launch.mode}
    shape = JOB_PATTERN.fullmatch(settings["launch"]["j"])
    nodes, ranks = (int(shape[2]), int(shape[2]) * int(shape[3])) if shape else (1, 1)
    settings["launch"]["hosts"] = _hosts_for(experiment.launch, nodes)
    batch = experiment.training.train_batch_size * experiment.launch.ranks
    settings["training"]["train_batch_size"] = max(1, batch // ranks)
    try:
        after = Experiment.model_validate(settings)
    except ValidationError as error:
        problem = problems_of(error, Experiment)[0]
        raise B4RError(f"{problem.key}: {problem.sentence}") from error
    if batch % ranks:
        raise B4RError(
            f"{ranks} ranks do not divide a step of {batch} sequences (train_batch_size × ranks) evenly; "
            f"use a number of ranks that divides {batch}"
        )
    return after


def _hosts_for(launch: LaunchConfig, nodes: int) -> list[str] | None:
    """Return the first hosts of the launch, one per node; None for one node."""
    return launch.hosts[:nodes] if launch.hosts and nodes > 1 else None


def is_resumable(state: RunState) -> bool:
    """Return whether a run in this state can be resumed."""
    return state in (RunState.STOPPED, RunState.FAILED, RunState.LOST)


def has_finished_training(run: Run) -> bool:
    """Return whether its training finished, whatever happened afterwards."""
    return any(isinstance(record.event, RunFinished) for record in read_events(run.events_path))


def _check_unfinished(run: Run) -> None:
    if has_finished_training(run) or run.state is RunState.FINISHED:
        raise B4RError(f"{run.name} has finished; launch its experiment again to train another run")


def _archive_attempt(run: Run) -> Path:
    """Create `attempts/N` with copies of the settings and status of the attempt that ended."""
    folder = _new_folder(run.dir / run_folder.ATTEMPTS)
    for name in (run_folder.CONFIG, run_folder.STATUS):
        shutil.copy2(run.dir / name, folder / name)
    return folder


def _requeue(run: Run, folder: Path) -> None:
    """Move the files of the ended attempt, and queue the run.

    exit.json is moved last, after the new status is written: whatever is killed when, the run has ended or is queued. A
    lost one has no exit.json: its status makes it queued.
    """
    (run.dir / run_folder.SUMMARY).unlink(missing_ok=True)
    if (run.dir / run_folder.LOGS).exists():
        (run.dir / run_folder.LOGS).rename(folder / run_folder.LOGS)
    (run.dir / run_folder.LOGS).mkdir(mode=0o700)
    _renew_place(run)
    write_status(run.dir, queued_now(run))
    if (run.dir / run_folder.EXIT).exists():
        (run.dir / run_folder.EXIT).rename(folder / run_folder.EXIT)


def _renew_place(run: Run) -> None:
    """Move the run to the end of its priority, and drop predecessors that have ended."""
    if not (run.dir / run_folder.QUEUE).exists():
        return
    root, place = run.dir.parent.parent, read_place(run.dir)
    after = tuple(name for name in place.after if not read_state(root / name).ended)
    write_place(run.dir, replace(place, order=None, paused=False, after=after))


def _new_folder(attempts: Path) -> Path:
    attempts.mkdir(mode=0o700, exist_ok=True)
    number = 1 + max((int(each.name) for each in attempts.iterdir() if each.name.isdecimal()), default=0)
    folder = attempts / str(number)
    folder.mkdir(mode=0o700)
    return folder
