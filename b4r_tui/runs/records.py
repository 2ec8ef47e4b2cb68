"""What a run's folder says of its life: `status.json` (queued, started) and `exit.json` (how it ended)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from engine.contract import run_folder
from engine.contract.atomic_files import read_json, write_json

VERSION = 1
FINISHED, FAILED, STOPPED, TIME_LIMIT = "finished", "failed", "stopped", "time_limit"
PRUNED = "pruned"  # stopped by a sweep, whose better points made it hopeless


@dataclass(frozen=True, kw_only=True)
class StatusRecord:
    """Who runs it and since when; times in unix seconds. supervisor_created tells a reused pid apart.

    python, env: the interpreter and what of the environment the shell that queued it had. cpus, gpus: the slots it
    was given, None before. starts: how often a supervisor was started for it.
    waits: what it waits for, in words. job: the scheduler and its id of the job, such as slurm:17.
    """

    run_id: str
    experiment: str
    queued_at: float
    started_at: float | None = None
    supervisor_pid: int | None = None
    supervisor_created: float | None = None
    host: str | None = None
    argv: tuple[str, ...] = ()
    python: str | None = None
    env: dict[str, str] = field(default_factory=dict)
    cpus: int | None = None
    gpus: tuple[str, ...] = ()
    starts: int = 0
    waits: str | None = None
    job: str | None = None


@dataclass(frozen=True, kw_only=True)
class ExitRecord:
    """How a run ended. code: exit code; signal: number where one killed it; error: one sentence or None.

    card: why it died and what to do next, as `runs.crash.card` has it.
    """

    reason: str
    ended_at: float
    code: int | None = None
    signal: int | None = None
    error: str | None = None
    card: dict[str, Any] | None = None


RecordT = TypeVar("RecordT", StatusRecord, ExitRecord)


def read_status(run_dir: Path) -> StatusRecord | None:
    """The run's status, or None where its file is missing or unreadable."""
    return _made(StatusRecord, read_json(run_dir / run_folder.STATUS))


def write_status(run_dir: Path, record: StatusRecord) -> None:
    """Write `status.json` in one step. Raises OSError."""
    write_json(run_dir / run_folder.STATUS, {"v": VERSION, **asdict(record)})


def note(run_dir: Path, **facts: object) -> None:
    """Add facts to the run's status, which must be there. Raises OSError."""
    status = read_status(run_dir)
    if status is not None:
        write_status(run_dir, replace(status, **facts))  # type: ignore[arg-type]


def read_exit(run_dir: Path) -> ExitRecord | None:
    """How the run ended, or None where it did not, or its file is unreadable."""
    return _made(ExitRecord, read_json(run_dir / run_folder.EXIT))


def write_exit(run_dir: Path, record: ExitRecord) -> None:
    """Write `exit.json` in one step: from then on the run has ended. Raises OSError."""
    write_json(run_dir / run_folder.EXIT, {"v": VERSION, **asdict(record)})


def _made(kind: type[RecordT], value: dict[str, Any] | None) -> RecordT | None:
    """A record of the keys it knows, or None where a needed one is missing."""
    if value is None:
        return None
    known = {each.name for each in fields(kind)}
    try:
        return kind(**{key: _frozen(value[key]) for key in known & value.keys()})
    except TypeError:
        return None


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
