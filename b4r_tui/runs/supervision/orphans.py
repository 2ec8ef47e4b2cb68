"""Finds and kills orphans: processes of runs without a supervisor, e.g. after a kill -9 of the supervisor.

A supervisor holds its run's lock from before the first process of the run until it has swept the last, so a process
with a run's id whose lock is free is an orphan. torchrun gets a signal when its supervisor dies; this is for the
processes that ignored it or could not react.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from b4r_tui.runs.locks import is_held
from b4r_tui.runs.processes import RUN_ID_VARIABLE, kill_all
from b4r_tui.runs.records import read_status
from b4r_tui.runs.state import RunState
from engine.contract import run_folder


def sweep_orphans(root: Path) -> int:
    """Kill the orphans of the runs under `root` and return their number; running runs are left alone."""
    return kill_all(lambda: orphans(root))


def sweep_lost(root: Path, states: Iterable[RunState]) -> None:
    """Kill what lost runs left behind, if there are any; for programs that show states."""
    if RunState.LOST in set(states):
        sweep_orphans(root)


def orphans(root: Path) -> Iterator[psutil.Process]:
    """Yield the processes of runs under `root` whose lock is free."""
    whole = root.absolute().resolve()
    for process in psutil.process_iter():
        run_dir = _run_dir_of(process)
        if run_dir and run_dir.parent.parent == whole and not is_held(run_dir / run_folder.LOCK):
            yield process


def _run_dir_of(process: psutil.Process) -> Path | None:
    """Return the folder of the process's run; None for other processes, and for an evaluation, which has its own id."""
    try:
        env = process.environ()
        dead = process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return None
    run_dir = Path(env.get("B4R_RUN_DIR", ""))
    ours = not dead and run_dir.name and env.get(RUN_ID_VARIABLE) == run_dir.name
    return run_dir if ours and not _is_of_job(run_dir, env.get("SLURM_JOB_ID")) else None


def _is_of_job(run_dir: Path, job_id: str | None) -> bool:
    """Return whether the process is of the run's Slurm job, which needs no supervisor and ends its own processes."""
    status = read_status(run_dir) if job_id else None
    return status is not None and status.job == f"slurm:{job_id}"
