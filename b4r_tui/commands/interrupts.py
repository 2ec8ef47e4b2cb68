"""How a command that drives runs handles SIGINT and SIGTERM: it counts them and stops its runs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from types import FrameType, TracebackType
from typing import Any

from b4r_tui.commands.command import print_message
from b4r_tui.common.format import plural
from b4r_tui.runs.launch import stop
from b4r_tui.runs.progress import RunWatch
from b4r_tui.runs.store import Run
from b4r_tui.runs.supervision.backends.interface import GRACE_SECONDS
from engine.contract.errors import B4RError

STOP_SECONDS = 30.0  # beyond the grace period, before we stop waiting for runs to end
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Within the `with` block, signals are counted instead of ending the program."""

    def __init__(self) -> None:
        self.count = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        self._before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1


def stop_all(watches: Sequence[RunWatch], hurried: Callable[[], bool]) -> None:
    """Stop the runs, queued ones first, and wait until they have ended or `hurried` returns True."""
    if watches:
        print_message(
            f"interrupted; stopping {plural(len(watches), 'run')}. Press Ctrl-C again to quit without waiting"
        )
    for watch in reversed(watches):
        _stop(watch.run)
    deadline = time.monotonic() + STOP_SECONDS + float(os.environ.get("B4R_GRACE", GRACE_SECONDS))
    while not hurried() and time.monotonic() < deadline:
        if all(watch.run.state.ended for watch in watches):
            break
        time.sleep(0.05)


def _stop(run: Run) -> None:
    try:
        stop(run)
    except B4RError as error:  # the other runs have to stop all the same
        print_message(error.sentence)
