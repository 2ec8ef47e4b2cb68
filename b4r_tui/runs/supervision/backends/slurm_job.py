"""A job as Slurm tells it: its state, what it waits for, and how it ended.

Asks by `scontrol`, which needs no accounting.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

from b4r_tui.runs.records import STOPPED, TIME_LIMIT
from b4r_tui.runs.supervision.backends.interface import Ended
from engine.contract.errors import B4RError, ExitCode

TIMEOUT_SECONDS = 60.0  # of a command; a busy controller may be slow
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
    "BeginTime": "its start time has not come; Slurm delays a requeued job",
    "Dependency": "another job has to end first",
    "JobHeldAdmin": "an administrator holds it",
    "JobHeldUser": "it is held; scontrol release lets it go",
    "NodeDown": "a node it needs is down",
    "PartitionDown": "its partition is down",
    "PartitionNodeLimit": "it asks for more nodes than its partition has or allows",
    "PartitionTimeLimit": "it asks for more time than its partition allows",
    "Priority": "jobs of higher priority go first",
    "ReqNodeNotAvail": "a node it needs is not available",
    "Resources": "the nodes or cores it needs are in use",
}
_KILLED = {
    "BOOT_FAIL": "a node did not start",
    "NODE_FAIL": "a node failed",
    "OUT_OF_MEMORY": "the ranks used more memory than the job has; ask for more with launch.slurm.mem",
    "PREEMPTED": "it was preempted and not queued again",
    "REVOKED": "its cluster gave it away",
}


@dataclass(frozen=True)
class Job:
    """A job at one moment. code: what its script ended with; signal: what killed it."""

    id: str
    state: str
    reason: str = ""
    code: int = 0
    signal: int = 0
    restarts: int = 0

    @property
    def waits(self) -> bool:
        """Whether it is in the queue."""
        return self.state in WAITING

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state not in WAITING | HELD | RUNNING

    @property
    def waits_for(self) -> str | None:
        """What it waits for, in words; None where it does not."""
        if self.state in RUNNING or self.over:
            return None
        name = self.reason.partition(",")[0]
        words = REASONS.get(name) or ("a limit is reached" if re.match("QOS|Assoc|MaxJob", name) else "")
        return f"Slurm job {self.id} waits: {self.reason or self.state}" + (f" ({words})" if words else "")


def find_job(job_id: str) -> Job | None:
    """The job, or None where Slurm no longer knows it. Raises B4RError where Slurm does not answer."""
    try:
        told = command("scontrol", "show", "job", "--oneliner", job_id)
    except B4RError as error:
        if "Invalid job id" in error.sentence:
            return None
        raise
    return parse_job(told)


def parse_job(told: str) -> Job:
    """The job that one line of `scontrol show job --oneliner` tells of."""
    found = dict(re.findall(r"(?:^|\s)(JobId|JobState|Reason|ExitCode|Restarts)=(\S*)", told))
    code, _, signal = found.get("ExitCode", "0:0").partition(":")
    reason = found.get("Reason", "")
    return Job(
        id=found.get("JobId", ""),
        state=found.get("JobState", "UNKNOWN"),
        reason="" if reason in ("None", "(null)") else reason,
        code=int(code or 0),
        signal=int(signal or 0),
        restarts=int(found.get("Restarts") or 0),
    )


def ended(job: Job) -> Ended:
    """How a job that is over ended, as a backend tells it."""
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
    """What a command of Slurm says. Raises B4RError with what it complains of."""
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False, cwd=folder
        )
    except FileNotFoundError as error:
        raise B4RError(
            f"no program {words[0]} here; launch on a machine of the Slurm cluster", ExitCode.ENVIRONMENT
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise B4RError(f"{words[0]} does not answer: {error}", ExitCode.ENVIRONMENT) from error
    if done.returncode:
        said = " ".join(done.stderr.split()).removeprefix(f"{words[0]}: error: ")
        raise B4RError(f"{words[0]} refused: {said or 'it said nothing'}", ExitCode.ENVIRONMENT)
    return done.stdout.strip()
