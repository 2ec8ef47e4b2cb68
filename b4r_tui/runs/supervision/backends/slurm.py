"""The Slurm backend: submits one job per run by sbatch and follows it by its id, also from a later supervisor.

The job does not depend on its supervisor: Slurm ends it at its time limit and requeues it, and the engine then resumes
from `checkpoints/last`. The run folder is on a file system that the nodes share.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from b4r_tui.runs.crash.diagnosis import diagnose
from b4r_tui.runs.records import STOPPED, TIME_LIMIT, note
from b4r_tui.runs.store import Run
from b4r_tui.runs.supervision.backends.agent import MARK
from b4r_tui.runs.supervision.backends.hosts import last_line
from b4r_tui.runs.supervision.backends.interface import POLL_SECONDS, Ended, grace_seconds, now
from b4r_tui.runs.supervision.backends.slurm_job import Job, command, ended, find_job
from b4r_tui.runs.supervision.backends.slurm_script import script
from engine.contract import run_folder
from engine.contract.atomic_files import write_text
from engine.contract.config.experiment import Experiment
from engine.contract.config.launch import LaunchConfig
from engine.contract.errors import B4RError, ExitCode
from engine.contract.events import RunFinished, read_events

PREFIX = "slurm:"
LONGEST_POLL = 5.0  # seconds between two questions to the controller; the first ones come faster
_PATIENCE = 600.0  # seconds without an answer of the controller, e.g. during its restart
_CANCEL_SECONDS = 60.0
_SIGNAL_IS_EARLY = 65.0  # Slurm may send a --signal so many seconds early; some are for polls


class Slurm:
    """Submits the run's job, or takes over the one it has, and follows it."""

    def run(self, run: Run, experiment: Experiment, stop_asked: Callable[[], bool]) -> Ended:
        """Run the job to its end. Raises B4RError if it can't be submitted, or Slurm does not answer for long."""
        job_id = job_of(run)
        if job_id is None:
            words = ["sbatch", "--parsable", run_folder.SLURM_SCRIPT]
            write_text(run.dir / run_folder.SLURM_SCRIPT, script(run, experiment.launch))
            job_id = command(*words, folder=str(run.dir)).partition(";")[0]
            note(run.dir, argv=tuple(words), job=PREFIX + job_id)
        watch = _Watch(run, job_id)
        while not watch.ask().over:
            if stop_asked():
                return _stop(watch)
            watch.rest(stop_asked)
        return _ended(run, watch.job, experiment.launch)


@dataclass
class _Watch:
    """Polls a job and notes in the run's status since when it runs or what it waits for."""

    run: Run
    job_id: str
    job: Job = field(default_factory=lambda: Job("", ""))
    _pause: float = 0.5
    _answered: float = field(default_factory=time.monotonic)

    def ask(self) -> Job:
        """Return the job now, or as last known while the controller does not answer."""
        try:
            job = find_job(self.job_id) or _forgotten(self.run, self.job_id)
        except B4RError:
            if time.monotonic() - self._answered > _PATIENCE:
                raise
            return self.job
        self._answered = time.monotonic()
        if (job.state, job.waits_for) != (self.job.state, self.job.waits_for):
            self._note(job)
            self._pause = 0.5
        self.job = job
        return job

    def rest(self, stop_asked: Callable[[], bool]) -> None:
        """Wait a while, longer the longer nothing happens, but not after a request to stop."""
        until = time.monotonic() + self._pause
        while time.monotonic() < until and not stop_asked():
            time.sleep(POLL_SECONDS)
        self._pause = min(self._pause * 1.5, LONGEST_POLL)

    def _note(self, job: Job) -> None:
        status = self.run.status()
        since = status.started_at if status and status.started_at else now()
        note(self.run.dir, started_at=None if job.waits else since, waits=job.waits_for)


def job_of(run: Run) -> str | None:
    """Return the id of the run's Slurm job, None if it has none."""
    status = run.status()
    job = status.job if status else None
    return job.removeprefix(PREFIX) if job and job.startswith(PREFIX) else None


def lives(run: Run) -> bool:
    """Return whether Slurm still has the run's job, so that a lost supervisor is replaced, not the job."""
    job_id = job_of(run)
    job = find_job(job_id) if job_id else None
    return job is not None and not job.over


def cancel(run: Run) -> None:
    """Cancel the run's job, if it has one; do nothing if Slurm does not answer."""
    job_id = job_of(run)
    if job_id:
        with suppress(B4RError):
            command("scancel", job_id)


def _stop(watch: _Watch) -> Ended:
    """Send SIGTERM to the ranks, give them time to save, then cancel; a waiting job is just cancelled."""
    if not watch.job.waits:
        with suppress(B4RError):  # it may be over by now
            command("scancel", "--signal=TERM", watch.job_id)
        _until_over(watch, grace_seconds())
    if not watch.job.over:
        with suppress(B4RError):
            command("scancel", watch.job_id)
        _until_over(watch, _CANCEL_SECONDS)
    end = ended(watch.job)
    return end if end.code == 0 else Ended(end.code, STOPPED)


def _until_over(watch: _Watch, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not watch.ask().over and time.monotonic() < deadline:
        time.sleep(0.5)


def _forgotten(run: Run, job_id: str) -> Job:
    """Return the job of a run by its events, because Slurm forgets a job some minutes after its end."""
    return Job(job_id, "COMPLETED") if _has_finished(run) else Job(job_id, "FAILED", code=1)


def _has_finished(run: Run) -> bool:
    return any(isinstance(record.event, RunFinished) for record in read_events(run.events_path))


def _ended(run: Run, job: Job, launch: LaunchConfig) -> Ended:
    """Return how the job ended, with the error of the agents or the engine where Slurm has none."""
    end = ended(job)
    if job.state == "FAILED" and launch.min_nodes < launch.nodes and _has_finished(run):
        return Ended(0)  # with fewer nodes: srun ends with the code of the one that was lost
    if end.code == ExitCode.ENVIRONMENT and end.error is None:
        return Ended(end.code, end.cut_short, last_line(run, MARK) or None)
    if job.state == "FAILED" and _stopped_at_limit(run, launch.time_limit, end.code):
        return Ended(end.code, TIME_LIMIT)
    return end


def _stopped_at_limit(run: Run, limit: float | None, code: int) -> bool:
    """Return whether the ranks saved and ended because Slurm signalled the time limit. limit: minutes."""
    status = run.status()
    if not limit or not status or not status.started_at:
        return False
    late = now() - status.started_at > limit * 60 - _SIGNAL_IS_EARLY
    return late and diagnose(run, code).code == ExitCode.INTERRUPTED
