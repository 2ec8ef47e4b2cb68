"""Reports a run: events and progress from rank 0, and a failure from whichever rank hit it first."""

from __future__ import annotations

import fcntl
import logging
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from engine.contract import run_folder
from engine.contract.errors import B4RError, ExitCode
from engine.contract.events import Event, EventWriter, Progress, RunFailed, read_events
from engine.contract.messages import ProgressEmitter, emit_failure
from engine.distributed.process_group import ProcessGroup
from engine.runtime.attempts import this_attempt

EVENT_SECONDS = 0.5  # least interval between two progress events

log = logging.getLogger(__name__)


class Reporter:
    """Writes events on rank 0 and drops them elsewhere, or everywhere if there is no run folder."""

    def __init__(self, run_dir: Path | None, group: ProcessGroup) -> None:
        self._writer = EventWriter(run_dir / run_folder.EVENTS) if run_dir and group.is_first else None
        self._next_progress = 0.0
        self.started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.started

    def event(self, event: Event) -> None:
        """Write an event now, and a line in the log unless it is progress."""
        if self._writer:
            self._writer.write(event)
            if not isinstance(event, Progress):
                log.info(log_line(event))

    @property
    def wants_progress(self) -> bool:
        """Whether rank 0 may report progress again: at most twice per second."""
        return self._writer is not None and time.monotonic() >= self._next_progress

    def progress(self, phase: str, epoch: int, step: int, steps: int, **numbers: float) -> None:
        """Write a progress event, unless the last one is less than half a second old."""
        if self.wants_progress:
            self._next_progress = time.monotonic() + EVENT_SECONDS
            self.event(
                Progress(
                    phase=phase, epoch=epoch, step=step, steps=steps, memory_mb=peak_memory_mb(), **numbers
                )
            )


class StdoutReporter(Reporter):
    """Emits progress on rank 0's standard output instead of as events, which go to the run folder, if any."""

    def __init__(self, run_dir: Path | None, group: ProcessGroup) -> None:
        super().__init__(run_dir, group)
        self._emit_progress = ProgressEmitter(silent=not group.is_first)

    def progress(self, phase: str, epoch: int, step: int, steps: int, **numbers: float) -> None:
        """Emit where the work is, a few times per second."""
        self._emit_progress(phase, step, steps)


def log_line(event: Event) -> str:
    """Return an event as a line of `key=value` pairs; of the metrics only those at cutoff 10."""
    values = asdict(event)
    plain = {name: value for name, value in values.items() if isinstance(value, int | float | str)}
    metrics = {
        f"{protocol}.{name}": value["value"] if isinstance(value, dict) else value
        for protocol, by_name in values.get("metrics", {}).items()
        for name, value in by_name.items()
        if name.endswith("@10")
    }
    return " ".join([event.type, *(f"{name}={_shown(value)}" for name, value in (plain | metrics).items())])


def _shown(value: float | str) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def peak_memory_mb() -> float:
    """Return this process's peak resident memory in MiB.

    On Linux it is read from /proc, since `getrusage` includes the peak of the program that started this one.
    """
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 2**10, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


# failures --------------------------------------------------------------------------------------

ReportFailure = Callable[[str, ExitCode, str], None]  # sentence, exit code, traceback ("" for a B4RError)


@contextmanager
def failures_reported(report: ReportFailure) -> Iterator[None]:
    """Report an error raised in the block, log it, and exit with its code.

    Frames are cleared, so that nothing keeps a model alive while its process group closes; see `process_group`.
    """
    try:
        yield
    except B4RError as error:
        _exit(error, error.sentence, error.code, "", report)
    except Exception as error:  # noqa: BLE001 (whatever it is, whoever waits for the result must learn of it)
        message = (str(error).strip().splitlines() or ["no message"])[0]
        sentence = f"{type(error).__name__}: {message}"
        _exit(error, sentence, ExitCode.RUN_FAILED, traceback.format_exc(), report)
    except (SystemExit, KeyboardInterrupt) as ended:
        traceback.clear_frames(ended.__traceback__)
        raise


def _exit(error: Exception, sentence: str, code: ExitCode, trace: str, report: ReportFailure) -> None:
    report(sentence, code, trace)
    log.error(trace or sentence)
    traceback.clear_frames(error.__traceback__)
    raise SystemExit(int(code)) from None


def to_stdout(sentence: str, code: ExitCode, trace: str) -> None:
    """Report a failure as a message on standard output; the log has the traceback."""
    emit_failure(sentence, code)


def to_events(run_dir: Path, rank: int) -> ReportFailure:
    """Return what reports a failure as a `run_failed` event.

    Nothing is written if another rank of this attempt was first, since later failures only follow from the first.
    On a full disk the exit code and the launcher's log remain.
    """

    def report(sentence: str, code: ExitCode, trace: str) -> None:
        if run_dir.is_dir():
            with suppress(OSError):
                failure = RunFailed(error=sentence, rank=rank, traceback=trace, attempt=this_attempt())
                _append_first(run_dir / run_folder.EVENTS, failure)

    return report


def _append_first(path: Path, failure: RunFailed) -> None:
    with path.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        earlier = [record.event for record in read_events(path) if isinstance(record.event, RunFailed)]
        if not any(event.attempt == failure.attempt for event in earlier):
            EventWriter(path).write(failure)
