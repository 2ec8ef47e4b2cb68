"""Slurm: one job a run, submitted by sbatch, followed by its id, stopped in good order, taken up by a new supervisor.

The job needs no supervisor to go on: Slurm ends it at its time limit and requeues it, and the engine then goes on from
`checkpoints/last`. The run folder lies on a file system that the nodes share.
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
LONGEST_POLL = 5.0  # seconds between two questions to the controller; the first come faster
_PATIENCE = 600.0  # seconds that a controller may not answer, as while it is restarted
_CANCEL_SECONDS = 60.0
_SIGNAL_IS_EARLY = 65.0  # seconds that Slurm may send a --signal before its time, and a few for polls


class Slurm:
    """Submits the run's job, or takes up the one it has, and follows it."""

    def run(self, run: Run, experiment: Experiment, stop_asked: Callable[[], bool]) -> Ended:
        """As every backend does. Raises B4RError where the job can't be submitted, or Slurm is gone for long."""
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
    """Asks how a job is and notes in the run's status what people want to know."""

    run: Run
    job_id: str
    job: Job = field(default_factory=lambda: Job("", ""))
    _pause: float = 0.5
    _answered: float = field(default_factory=time.monotonic)

    def ask(self) -> Job:
        """The job now. A controller that does not answer is waited for."""
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
        """Wait a while, longer the longer nothing happens, but not after a wish to stop."""
        until = time.monotonic() + self._pause
        while time.monotonic() < until and not stop_asked():
            time.sleep(POLL_SECONDS)
        self._pause = min(self._pause * 1.5, LONGEST_POLL)

    def _note(self, job: Job) -> None:
        status = self.run.status()
        since = status.started_at if status and status.started_at else now()
        note(self.run.dir, started_at=None if job.waits else since, waits=job.waits_for)


def job_of(run: Run) -> str | None:
    """The id of the run's Slurm job, None where it has none."""
    status = run.status()
    job = status.job if status else None
    return job.removeprefix(PREFIX) if job and job.startswith(PREFIX) else None


def lives(run: Run) -> bool:
    """Whether Slurm still has the run's job, so that a supervisor that was lost is to be replaced, not the job."""
    job_id = job_of(run)
    job = find_job(job_id) if job_id else None
    return job is not None and not job.over


def cancel(run: Run) -> None:
    """End the run's job, if it has one that lives; nothing where Slurm does not answer."""
    job_id = job_of(run)
    if job_id:
        with suppress(B4RError):
            command("scancel", job_id)


def _stop(watch: _Watch) -> Ended:
    """SIGTERM to the ranks and time to save; then an end. A job that waits is just taken from the queue."""
    if not watch.job.waits:
        with suppress(B4RError):  # it may be over by now
            command("scancel", "--signal=TERM", watch.job_id)
        _until_over(watch, grace_seconds())
    if not watch.job.over:
        with suppress(B4RError):
            command("scancel", watch.job_id)
        _until_over(watch, _CANCEL_SECONDS)
    told = ended(watch.job)
    return told if told.code == 0 else Ended(told.code, STOPPED)


def _until_over(watch: _Watch, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not watch.ask().over and time.monotonic() < deadline:
        time.sleep(0.5)


def _forgotten(run: Run, job_id: str) -> Job:
    """Slurm forgets a job some minutes after its end; then the run's events tell whether it went well."""
    return Job(job_id, "COMPLETED") if _has_finished(run) else Job(job_id, "FAILED", code=1)


def _has_finished(run: Run) -> bool:
    return any(isinstance(record.event, RunFinished) for record in read_events(run.events_path))


def _ended(run: Run, job: Job, launch: LaunchConfig) -> Ended:
    """How the job ended, where need be with what the agents or the engine said."""
    told = ended(job)
    if job.state == "FAILED" and launch.min_nodes < launch.nodes and _has_finished(run):
        return Ended(0)  # with fewer nodes: srun ends with the code of the one that was lost
    if told.code == ExitCode.ENVIRONMENT and told.error is None:
        return Ended(told.code, told.cut_short, last_line(run, MARK) or None)
    if job.state == "FAILED" and _stopped_at_limit(run, launch.time_limit, told.code):
        return Ended(told.code, TIME_LIMIT)
    return told


def _stopped_at_limit(run: Run, limit: float | None, code: int) -> bool:
    """Whether the ranks saved and ended because Slurm told them that the time is up. limit: minutes."""
    status = run.status()
    if not limit or not status or not status.started_at:
        return False
    late = now() - status.started_at > limit * 60 - _SIGNAL_IS_EARLY
    return late and diagnose(run, code).code == ExitCode.INTERRUPTED
