"""The process that exports a run to its trackers while it runs: `python -m b4r_tui.runs.trackers.watch RUN_DIR`.

It only reads the run's folder. If a tracker fails, a warning in the run's events reports it, and the run continues.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from b4r_tui.runs.processes import spare
from b4r_tui.runs.store import Run, run_at
from b4r_tui.runs.trackers.feed import Feed, make_tracker
from engine.contract import run_folder
from engine.contract.events import EventWriter, Warn

POLL_SECONDS = 1.0


def start_trackers(run: Run, trackers: Sequence[str]) -> None:
    """Start the process in its own session, if the run has trackers; a failure is only a warning."""
    if not trackers:
        return
    try:
        path = run.dir / run_folder.LOGS / run_folder.TRACKERS_LOG
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        command = [sys.executable, "-m", "b4r_tui.runs.trackers.watch", str(run.dir)]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        spare(process.pid)  # it exports the run's end too
        os.close(log)
    except OSError as error:
        _warn(run, "trackers", error)


def watch(run: Run) -> None:
    """Export the run to all its trackers until it has ended; one that fails is dropped."""
    feeds = {kind: feed for kind in run.config().launch.trackers if (feed := _feed(run, kind))}
    while feeds:
        feeds = {kind: feed for kind, feed in feeds.items() if _poll(run, kind, feed)}
        time.sleep(POLL_SECONDS if feeds else 0)


def _feed(run: Run, kind: str) -> Feed | None:
    place = run.config().launch.tracking_uri if kind == "mlflow" else None
    try:
        return Feed(run, make_tracker(kind, run, place))
    except Exception as error:  # noqa: BLE001  whatever a tracker raises, the run continues
        _warn(run, kind, error)
        return None


def _poll(run: Run, kind: str, feed: Feed) -> bool:
    """Export to one tracker and return whether there is more to come."""
    try:
        ended = feed.poll()
        if ended:
            feed.close()
    except Exception as error:  # noqa: BLE001
        _warn(run, kind, error)
        return False
    return not ended


def _warn(run: Run, kind: str, error: Exception) -> None:
    traceback.print_exception(error)  # into logs/trackers.log
    message = f"{kind} stopped: {error}; export the run afterwards with `b4r-tui track`"
    writer = EventWriter(run.events_path)
    writer.write(Warn(code="tracker_failed", message=message))
    writer.close()


if __name__ == "__main__":
    os.umask(0o077)
    watch(run_at(Path(sys.argv[1])))
