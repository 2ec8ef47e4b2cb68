"""Reads and writes the records of a run's life: `status.json` (queued, started) and `exit.json` (how it ended)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from engine.contract import run_folder
from engine.contract.atomic_files import read_json, write_json

VERSION = 1
FINISHED, FAILED, STOPPED, TIME_LIMIT = "finished", "failed", "stopped", "time_limit"
PRUNED = "pruned"  # stopped by a sweep, because other points were better


@dataclass(frozen=True, kw_only=True)
class StatusRecord:
    """Who runs a run and since when; times in unix seconds. supervisor_created identifies a reused pid.

    python, env: interpreter and variables of the shell that queued it. cpus, gpus: its slots, None before it has any.
    starts: how often a supervisor was started for it. waits: what it waits for, as text. job: the scheduler and its id
    of the job, such as slurm:17.
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
    """How a run ended. code: exit code; signal: its number if one killed it; error: one sentence or None.

    card: why it died and what to do next, see `runs.crash.card`.
    """

    reason: str
    ended_at: float
    code: int | None = None
    signal: int | None = None
    error: str | None = None
    card: dict[str, Any] | None = None


RecordT = TypeVar("RecordT", StatusRecord, ExitRecord)


def read_status(run_dir: Path) -> StatusRecord | None:
    """Return the run's status, None if its file is missing or unreadable."""
    return _record(StatusRecord, read_json(run_dir / run_folder.STATUS))


def write_status(run_dir: Path, record: StatusRecord) -> None:
    """Write `status.json` in one step. Raises OSError."""
    write_json(run_dir / run_folder.STATUS, {"v": VERSION, **asdict(record)})


def note(run_dir: Path, **facts: object) -> None:
    """Add facts to the run's status, if it has one. Raises OSError."""
    status = read_status(run_dir)
    if status is not None:
        write_status(run_dir, replace(status, **facts))  # type: ignore[arg-type]


def read_exit(run_dir: Path) -> ExitRecord | None:
    """Return how the run ended, None if it has not, or its file is unreadable."""
    return _record(ExitRecord, read_json(run_dir / run_folder.EXIT))


def write_exit(run_dir: Path, record: ExitRecord) -> None:
    """Write `exit.json` in one step: from then on the run has ended. Raises OSError."""
    write_json(run_dir / run_folder.EXIT, {"v": VERSION, **asdict(record)})


def _record(record_type: type[RecordT], value: dict[str, Any] | None) -> RecordT | None:
    """Return a record of the known keys, None if a required one is missing."""
    if value is None:
        return None
    known = {each.name for each in fields(record_type)}
    try:
        return record_type(**{key: _frozen(value[key]) for key in known & value.keys()})
    except TypeError:
        return None


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
