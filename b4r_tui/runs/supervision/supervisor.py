"""The supervisor, one process per run: runs torchrun and records how it ended.

`python -m b4r_tui.runs.supervision.supervisor RUN_DIR --lock-fd N`, started by the runner in its own session, so that
a run outlives the terminal and the runner. The inherited lock is the run's sign of life; it is released when this
process ends.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from b4r_tui.runs import processes
from b4r_tui.runs.crash.diagnosis import Failure
from b4r_tui.runs.crash.explain import ended_early, explain
from b4r_tui.runs.crash.kernel import Kills, kills
from b4r_tui.runs.crash.traceback import is_echo
from b4r_tui.runs.records import (
    FAILED,
    FINISHED,
    STOPPED,
    TIME_LIMIT,
    ExitRecord,
    StatusRecord,
    note,
    write_exit,
    write_status,
)
from b4r_tui.runs.store import Run, run_at
from b4r_tui.runs.summary import write_summary
from b4r_tui.runs.supervision.backends.interface import Ended
from b4r_tui.runs.supervision.backends.select import backend_of
from b4r_tui.runs.trackers.watch import start_trackers
from engine.contract.config.experiment import Experiment
from engine.contract.errors import B4RError, ExitCode
from engine.contract.events import EventReader, EventWriter, Record, RunFailed

DISK_SECONDS = 60.0  # to wait on a full disk before a run that ended counts as lost


class StopRequest:
    """A request to stop the run, made by SIGTERM or SIGINT to this process."""

    def __init__(self) -> None:
        self._asked = False
        signal.signal(signal.SIGTERM, self._note)
        signal.signal(signal.SIGINT, self._note)

    def __call__(self) -> bool:
        """Return whether the run shall stop."""
        return self._asked

    def _note(self, number: int, frame: object) -> None:
        self._asked = True


def main() -> None:
    """Supervise the run named on the command line to its end."""
    parser = argparse.ArgumentParser(
        prog="b4r_tui.runs.supervision.supervisor", description="Supervises one run."
    )
    parser.add_argument("run_dir", type=Path)
    parser.add_argument(
        "--lock-fd", type=int, required=True, help="file descriptor that holds the run's lock"
    )
    arguments = parser.parse_args()
    os.umask(0o077)  # the files of the ranks are private too
    os.set_inheritable(arguments.lock_fd, False)
    processes.adopt_orphans()
    run, stop_asked = run_at(arguments.run_dir), StopRequest()
    try:
        record = supervise(run, stop_asked)
    except OSError as error:
        processes.sweep(run.run_id)
        record = _failed(f"{error.filename or run.dir}: {error.strerror or error}", ExitCode.ENVIRONMENT)
    except BaseException as error:
        processes.sweep(run.run_id)
        _end(run, _failed(f"the supervisor crashed: {error!r}", ExitCode.RUN_FAILED))
        raise
    _end(run, record)
    with suppress(OSError):  # it can be made again at any time
        write_summary(run)


def _end(run: Run, record: ExitRecord) -> None:
    """Write how the run ended; retry for a while on a full disk, because the run would count as lost otherwise."""
    deadline = time.monotonic() + DISK_SECONDS
    while True:
        try:
            return write_exit(run.dir, record)
        except OSError:
            if time.monotonic() > deadline or not run.dir.is_dir():
                raise
        time.sleep(0.5)


def supervise(run: Run, stop_asked: Callable[[], bool]) -> ExitRecord:
    """Run the run to its end and return how it ended. Signals are handled before the pid is published."""
    me = psutil.Process()
    _note(run, supervisor_pid=me.pid, supervisor_created=me.create_time(), host=socket.gethostname())
    if stop_asked():
        return ExitRecord(reason=STOPPED, ended_at=_now())
    try:
        experiment = run.config()
    except B4RError as error:
        return _failed(error.sentence, error.code)
    start_trackers(run, experiment.launch.trackers)
    return _run(run, experiment, stop_asked)


def _run(run: Run, experiment: Experiment, stop_asked: Callable[[], bool]) -> ExitRecord:
    """Run the run on the backend of its scheduler and interpret its end."""
    reader = EventReader(run.events_path)
    reader.poll()  # skips the events of earlier attempts
    before = kills()
    try:
        ended = backend_of(experiment.launch).run(run, experiment, stop_asked)
    except B4RError as error:
        return _failed(error.sentence, error.code)
    if ended.code == 0:
        return ExitRecord(reason=FINISHED, ended_at=_now(), code=0)
    if ended.cut_short == STOPPED:
        return ExitRecord(reason=STOPPED, ended_at=_now())
    if ended.cut_short == TIME_LIMIT:
        sentence = (
            f"stopped at its time limit of {experiment.launch.time_limit or 0:g} minutes (launch.time_limit)"
        )
        return _ended_early(run, TIME_LIMIT, ended.error or sentence)
    return _explained(run, ended, reader.poll(), before)


def _explained(run: Run, ended: Ended, records: list[Record], before: Kills) -> ExitRecord:
    """Return the exit record of a failed run, and make sure its events hold the failure. records: of this attempt."""
    reported = [record.event for record in records if isinstance(record.event, RunFailed)]
    card, failure = explain(run, ended.code, reported, before)
    if (
        failure.code == ExitCode.INTERRUPTED
    ):  # a rank received SIGTERM from outside, and all ranks stopped together
        return _ended_early(run, STOPPED, None)
    if ended.error:
        card = dataclasses.replace(card, sentence=ended.error)
    errors = [event.error for event in reported if not is_echo(event.error)]
    if not errors:
        _report(run, failure, card.sentence)
    return ExitRecord(
        reason=FAILED,
        ended_at=_now(),
        code=failure.code,
        signal=failure.signal,
        error=errors[0] if errors else card.sentence,
        card=card.as_json(),
    )


def _ended_early(run: Run, reason: str, sentence: str | None) -> ExitRecord:
    card = ended_early(run, reason, sentence)
    return ExitRecord(reason=reason, ended_at=_now(), error=sentence, card=card.as_json() if card else None)


def _report(run: Run, failure: Failure, sentence: str) -> None:
    """Append the failure to the run's events."""
    with suppress(OSError):  # exit.json holds it too, once the disk has space
        writer = EventWriter(run.events_path)
        writer.write(RunFailed(error=sentence, rank=failure.rank or 0, traceback=failure.traceback))
        writer.close()


def _note(run: Run, **facts: object) -> None:
    """Add facts to the run's status."""
    if run.status() is None:
        write_status(run.dir, StatusRecord(run_id=run.run_id, experiment=run.experiment, queued_at=_now()))
    note(run.dir, **facts)


def _failed(sentence: str, code: ExitCode) -> ExitRecord:
    return ExitRecord(reason=FAILED, ended_at=_now(), code=int(code), error=sentence)


def _now() -> float:
    return round(time.time(), 3)


if __name__ == "__main__":
    main()
