"""Reads a job from Slurm: its state, what it waits for, and how it ended.

It uses `scontrol`, which needs no accounting.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

from b4r_tui.runs.records import STOPPED, TIME_LIMIT
from b4r_tui.runs.supervision.backends.interface import Ended
from engine.contract.errors import B4RError, ExitCode

TIMEOUT_SECONDS = 60.0  # per command; a busy controller is slow
WAITING = {
    "PENDING",
    "CONFIGURING",
    "REQUEUED",
    "REQUEUE_FED",
    "REQUEUE_HOLD",
    "RESV_DEL_HOLD",
    "SPECIAL_EXIT",
}
HELD = {"SUSPENDED", "STOPPED"}
RUNNING = {"RUNNING", "COMPLETING", "RESIZING", "SIGNALING", "STAGE_OUT"}
REASONS = {
    "BeginTime": "its start time is in the future; Slurm delays a requeued job",
    "Dependency": "another job must end first",
    "JobHeldAdmin": "an administrator holds it",
    "JobHeldUser": "held by the user; scontrol release starts it",
    "NodeDown": "a required node is down",
    "PartitionDown": "its partition is down",
    "PartitionNodeLimit": "it requests more nodes than its partition has or allows",
    "PartitionTimeLimit": "it requests more time than its partition allows",
    "Priority": "jobs of higher priority go first",
    "ReqNodeNotAvail": "a required node is not available",
    "Resources": "the required nodes or cores are in use",
}
_KILLED = {
    "BOOT_FAIL": "a node did not start",
    "NODE_FAIL": "a node failed",
    "OUT_OF_MEMORY": "the ranks used more memory than the job has; request more with launch.slurm.mem",
    "PREEMPTED": "it was preempted and not requeued",
    "REVOKED": "another cluster of the federation runs it",
}


@dataclass(frozen=True)
class Job:
    """A job at one moment. code: the exit code of its script; signal: the signal that killed it."""

    id: str
    state: str
    reason: str = ""
    code: int = 0
    signal: int = 0
    restarts: int = 0

    @property
    def waits(self) -> bool:
        """Return whether it is in Slurm's queue."""
        return self.state in WAITING

    @property
    def over(self) -> bool:
        """Return whether it has ended."""
        return self.state not in WAITING | HELD | RUNNING

    @property
    def waits_for(self) -> str | None:
        """Return what it waits for, as text; None if it does not wait."""
        if self.state in RUNNING or self.over:
            return None
        name = self.reason.partition(",")[0]
        words = REASONS.get(name) or ("a limit is reached" if re.match("QOS|Assoc|MaxJob", name) else "")
        return f"Slurm job {self.id} waits: {self.reason or self.state}" + (f" ({words})" if words else "")


def find_job(job_id: str) -> Job | None:
    """Return the job, None if Slurm has forgotten it. Raises B4RError if Slurm does not answer."""
    try:
        output = command("scontrol", "show", "job", "--oneliner", job_id)
    except B4RError as error:
        if "Invalid job id" in error.sentence:
            return None
        raise
    return parse_job(output)


def parse_job(line: str) -> Job:
    """Return the job in a line of `scontrol show job --oneliner`."""
    fields = dict(re.findall(r"(?:^|\s)(JobId|JobState|Reason|ExitCode|Restarts)=(\S*)", line))
    code, _, signal = fields.get("ExitCode", "0:0").partition(":")
    reason = fields.get("Reason", "")
    return Job(
        id=fields.get("JobId", ""),
        state=fields.get("JobState", "UNKNOWN"),
        reason="" if reason in ("None", "(null)") else reason,
        code=int(code or 0),
        signal=int(signal or 0),
        restarts=int(fields.get("Restarts") or 0),
    )


def ended(job: Job) -> Ended:
    """Return how a job that is over ended, as a backend reports it."""
    if job.state == "COMPLETED":
        return Ended(0)
    code = -job.signal if job.signal else (job.code or 1)
    if job.state in ("TIMEOUT", "DEADLINE"):
        return Ended(code, TIME_LIMIT, f"Slurm ended job {job.id} at its time limit")
    if job.state == "CANCELLED":
        return Ended(code, STOPPED)
    if job.state in _KILLED:
        return Ended(code, error=f"Slurm ended job {job.id} ({job.state}): {_KILLED[job.state]}")
    return Ended(code)


def command(*words: str, folder: str | None = None) -> str:
    """Return the output of a Slurm command. Raises B4RError with its error message."""
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False, cwd=folder
        )
    except FileNotFoundError as error:
        raise B4RError(
            f"{words[0]} not found; launch on a machine of the Slurm cluster", ExitCode.ENVIRONMENT
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise B4RError(f"{words[0]} does not answer: {error}", ExitCode.ENVIRONMENT) from error
    if done.returncode:
        message = " ".join(done.stderr.split()).removeprefix(f"{words[0]}: error: ")
        raise B4RError(f"{words[0]} failed: {message or 'no output'}", ExitCode.ENVIRONMENT)
    return done.stdout.strip()
