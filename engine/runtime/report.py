"""Tells the world about a run: events from rank 0, and a failure from whichever rank it struck."""

from __future__ import annotations

import fcntl
import logging
import resource
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path

from engine.contract import run_folder
from engine.contract.errors import B4RError, ExitCode
from engine.contract.events import Event, EventWriter, Progress, RunFailed, read_events
from engine.distributed.process_group import Group
from engine.runtime.attempts import this_attempt

PROGRESS_SECONDS = 0.5

log = logging.getLogger(__name__)


class Reporter:
    """Writes events on rank 0 and swallows them elsewhere, or everywhere where there is no run folder."""

    def __init__(self, run_dir: Path | None, group: Group) -> None:
        self._writer = EventWriter(run_dir / run_folder.EVENTS) if run_dir and group.is_first else None
        self._next_progress = 0.0
        self.started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.started

    def event(self, event: Event) -> None:
        """Write an event now, and, unless it is mere progress, a line in the log."""
        if self._writer:
            self._writer.write(event)
            if not isinstance(event, Progress):
                log.info(log_line(event))

    @property
    def wants_progress(self) -> bool:
        """Whether rank 0 may report progress again: at most twice a second."""
        return self._writer is not None and time.monotonic() >= self._next_progress

    def progress(self, phase: str, epoch: int, step: int, steps: int, **numbers: float) -> None:
        """Write where the run is, unless that was done less than half a second ago."""
        if self.wants_progress:
            self._next_progress = time.monotonic() + PROGRESS_SECONDS
            self.event(
                Progress(
                    phase=phase, epoch=epoch, step=step, steps=steps, memory_mb=peak_memory_mb(), **numbers
                )
            )


def log_line(event: Event) -> str:
    """An event as a line of `key=value` for people who read logs; of metrics, those at cutoff 10."""
    values = asdict(event)
    plain = {name: value for name, value in values.items() if isinstance(value, int | float | str)}
    metrics = {
        f"{protocol}.{name}": value["value"] if isinstance(value, dict) else value
        for protocol, found in values.get("metrics", {}).items()
        for name, value in found.items()
        if name.endswith("@10")
    }
    return " ".join([event.type, *(f"{name}={_shown(value)}" for name, value in (plain | metrics).items())])


def _shown(value: float | str) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, in MiB.

    On Linux from /proc: `getrusage` keeps the peak of the program that started this one.
    """
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 2**10, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


@contextmanager
def failures_reported(run_dir: Path, rank: int) -> Iterator[None]:
    """Turn an error in the block into a `run_failed` event, a line in the log and an exit code."""
    try:
        yield
    except B4RError as error:
        _report_failure(run_dir, RunFailed(error=error.sentence, rank=rank))
        log.error(error.sentence)
        traceback.clear_frames(error.__traceback__)  # lets go of the model; see process_group
        raise SystemExit(int(error.code)) from None
    except Exception as error:  # noqa: BLE001 (whatever it is, the run folder must say so)
        text = traceback.format_exc()
        said = str(error).strip().splitlines() or ["no message"]
        sentence = f"{type(error).__name__}: {said[0]}"
        _report_failure(run_dir, RunFailed(error=sentence, rank=rank, traceback=text))
        log.error(text)
        traceback.clear_frames(error.__traceback__)
        raise SystemExit(int(ExitCode.RUN_FAILED)) from None


def _report_failure(run_dir: Path, failure: RunFailed) -> None:
    """Append the failure unless another rank of this attempt was first: what follows the first is only its echo.

    On a full disk the exit code and the launcher's log have to do.
    """
    if run_dir.is_dir():
        with suppress(OSError):
            _append_first(run_dir, failure)


def _append_first(run_dir: Path, failure: RunFailed) -> None:
    path = run_dir / run_folder.EVENTS
    with path.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = [record.event for record in read_events(path) if isinstance(record.event, RunFailed)]
        if not any(event.attempt == this_attempt() for event in told):
            EventWriter(path).write(replace(failure, attempt=this_attempt()))
