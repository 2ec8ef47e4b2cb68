"""Stops all runs that a command drives, when it is interrupted."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence

from b4r_tui.common.format import plural
from b4r_tui.runs.launch import stop
from b4r_tui.runs.progress import RunWatch
from b4r_tui.runs.store import Run
from b4r_tui.runs.supervision.backends.interface import GRACE_SECONDS
from engine.contract.errors import B4RError

STOP_SECONDS = 30.0  # beyond the grace period, before we stop waiting for runs to end


def stop_all(watches: Sequence[RunWatch], hurried: Callable[[], bool]) -> None:
    """Stop the runs, the waiting ones first, and wait until they have ended or someone is in a hurry."""
    if watches:
        say(f"interrupted; stopping {plural(len(watches), 'run')}, a second Ctrl-C does not wait for it")
    for watch in reversed(watches):
        _stop(watch.run)
    deadline = time.monotonic() + STOP_SECONDS + float(os.environ.get("B4R_GRACE", GRACE_SECONDS))
    while not hurried() and time.monotonic() < deadline:
        if all(watch.run.state.ended for watch in watches):
            break
        time.sleep(0.05)


def say(sentence: str) -> None:
    """A sentence for whoever waits, beside what the command prints."""
    sys.stderr.write(f"b4r-tui: {sentence}\n")


def _stop(run: Run) -> None:
    try:
        stop(run)
    except B4RError as error:  # the others shall stop all the same
        say(error.sentence)
