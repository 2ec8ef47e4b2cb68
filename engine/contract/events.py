"""The events that a run reports in `events.jsonl`: their types, writer and reader.

One JSON object per line, `{"v": 1, "t": <unix seconds>, "type": ..., ...}`, append only.
"""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

from engine.contract.sanitize import sanitize_within

VERSION = 1
Metrics = dict[str, dict[str, float]]  # protocol → metric → value
Intervals = dict[str, dict[str, dict[str, float]]]  # protocol → metric → value, low, high, n, se


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event of a run."""

    type: ClassVar[str] = ""


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    """The ranks have started and the data is read; once for each attempt of a run.

    dataset: name, users, items, interactions, fingerprint (of the split); also data_fingerprint, split,
    training_interactions, evaluated_users by phase, and funnel: a list of what each step of reading and filtering
    left, with name, interactions, users and items. precision: fp32 or bf16, as resolved from `auto`. plan: how the
    item table and the output layer are sharded, a list with table, sharding, kernel, optimiser, size and shards, each
    with rank, rows and columns (from, to), weight_bytes and optimiser_bytes.
    """

    type: ClassVar[str] = "run_started"
    run_id: str
    experiment: str
    world_size: int
    device: str
    mode: str
    dataset: dict[str, Any]
    parameters: int
    precision: str = ""
    plan: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class RunResumed(Event):
    """Training resumes with this step (from 0); follows the attempt's `run_started`.

    Earlier events of this epoch and later ones are obsolete.
    """

    type: ClassVar[str] = "run_resumed"
    epoch: int
    step: int
    world_size: int
    mode: str


@dataclass(frozen=True, kw_only=True)
class Progress(Event):
    """Progress of a run, at most twice per second. phase: data, train, validate or test. epoch counts from 0."""

    type: ClassVar[str] = "progress"
    phase: str
    epoch: int = 0
    step: int = 0
    steps: int = 0
    loss: float | None = None
    sequences_per_second: float | None = None
    memory_mb: float | None = None


@dataclass(frozen=True, kw_only=True)
class Epoch(Event):
    """An epoch has ended. epoch counts from 0; metrics are of validation, empty if this epoch had none.

    lr: learning rate of the last step, in dmp that of all but the item table.
    """

    type: ClassVar[str] = "epoch"
    epoch: int
    epochs: int
    train_loss: float
    lr: float
    seconds: float
    sequences_per_second: float
    metrics: Metrics = field(default_factory=dict)
    best: bool = False


@dataclass(frozen=True, kw_only=True)
class Checkpoint(Event):
    """A checkpoint was written to `path`, relative to the run folder if it is inside."""

    type: ClassVar[str] = "checkpoint"
    epoch: int
    path: str
    bytes: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Test(Event):
    """Metrics of the test split, with those of baselines for the same users and candidates.

    baseline: popularity. baselines: random, popularity and markov by name. se, low and high are missing if a metric
    is not a mean over users. negatives: sampled protocol → fingerprint of its users' negatives.
    """

    __test__ = False  # not a test class, whatever pytest thinks of its name
    type: ClassVar[str] = "test"
    checkpoint_epoch: int
    metrics: Intervals
    baseline: Intervals
    negatives: dict[str, str] = field(default_factory=dict)
    baselines: dict[str, Intervals] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Warn(Event):
    """Something that a reader of the results should know; the run continues."""

    type: ClassVar[str] = "warning"
    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class RunFinished(Event):
    """The run has finished."""

    type: ClassVar[str] = "run_finished"
    seconds: float
    best_epoch: int


@dataclass(frozen=True, kw_only=True)
class RunFailed(Event):
    """The run failed. error: one sentence; attempt: an id of the attempt, if the engine reported the failure."""

    type: ClassVar[str] = "run_failed"
    error: str
    rank: int
    traceback: str = ""
    attempt: str = ""


EVENT_TYPES: dict[str, type[Event]] = {
    event.type: event
    for event in (RunStarted, RunResumed, Progress, Epoch, Checkpoint, Test, Warn, RunFinished, RunFailed)
}


@dataclass(frozen=True)
class Record:
    """An event that was read, with the time it was written and the raw object."""

    t: float
    event: Event
    raw: dict[str, Any]


class EventWriter:
    """Appends events to a file, each in one write, so that a reader sees complete lines and at most one torn line.

    A torn line, left by a writer that died or by a full disk, is terminated first; the next event would be lost in it.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, event: Event) -> None:
        """Append `event` now. NaN and infinity become null, since JSON has neither."""
        line = {"v": VERSION, "t": round(time.time(), 3), "type": event.type, **asdict(event)}
        data = (json.dumps(_finite(line), separators=(",", ":"), allow_nan=False) + "\n").encode()
        if self._is_torn():
            data = b"\n" + data
        while data:
            data = data[os.write(self._fd, data) :]

    def _is_torn(self) -> bool:
        size = os.fstat(self._fd).st_size
        return size > 0 and os.pread(self._fd, 1, size - 1) != b"\n"

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class EventReader:
    """Reads an events file incrementally: `poll` returns what was added since the last call.

    A missing file, a torn last line, lines that are not JSON, unknown types and unknown keys are ignored; a file that
    shrank is read again from the start.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def poll(self) -> list[Record]:
        """Return the records added since the last call, in order."""
        try:
            with self._path.open("rb") as file:
                if os.fstat(file.fileno()).st_size < self._offset:
                    self._offset = 0
                file.seek(self._offset)
                data = file.read()
        except OSError:
            return []
        complete = data[: data.rfind(b"\n") + 1]
        self._offset += len(complete)
        records = (parse_record(line) for line in complete.splitlines())
        return [record for record in records if record is not None]


def read_events(path: Path) -> list[Record]:
    """Return all records of an events file so far."""
    return EventReader(path).poll()


def parse_record(line: bytes | str) -> Record | None:
    """Parse a line to a record with sanitized texts; None if it is torn, of an unknown type or lacks a key."""
    try:
        raw = sanitize_within(json.loads(line))
        event_type = EVENT_TYPES[raw["type"]]
        known = {field.name for field in fields(event_type)}
        return Record(float(raw["t"]), event_type(**{key: raw[key] for key in known & raw.keys()}), raw)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _finite(value: Any) -> Any:
    """Replace NaN and infinities by None, at any depth."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
