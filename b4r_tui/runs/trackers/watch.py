"""The process that feeds a run's trackers while it runs: `python -m b4r_tui.runs.trackers.watch RUN_DIR`.

It only reads the run's folder. Where a tracker fails, a warning in the run's events says so, and the run goes on.
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
    """Start the process, in a session of its own, where the run wants trackers. Never raises for what it needs."""
    if not trackers:
        return
    try:
        path = run.dir / run_folder.LOGS / run_folder.TRACKERS_LOG
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        command = [sys.executable, "-m", "b4r_tui.runs.trackers.watch", str(run.dir)]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        spare(process.pid)  # it has to tell of the end too
        os.close(log)
    except OSError as error:
        _warn(run, "trackers", error)


def watch(run: Run) -> None:
    """Feed all trackers of the run until it has ended; one that fails is left alone."""
    feeds = {kind: feed for kind in run.config().launch.trackers if (feed := _feed(run, kind))}
    while feeds:
        feeds = {kind: feed for kind, feed in feeds.items() if _goes_on(run, kind, feed)}
        time.sleep(POLL_SECONDS if feeds else 0)


def _feed(run: Run, kind: str) -> Feed | None:
    place = run.config().launch.tracking_uri if kind == "mlflow" else None
    try:
        return Feed(run, make_tracker(kind, run, place))
    except Exception as error:  # noqa: BLE001  whatever a tracker throws, the run goes on
        _warn(run, kind, error)
        return None


def _goes_on(run: Run, kind: str, feed: Feed) -> bool:
    """Feed one tracker; whether there is more to come."""
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
    message = f"{kind} gets nothing more of this run: {error}; `b4r-tui track` can hand it over afterwards"
    writer = EventWriter(run.events_path)
    writer.write(Warn(code="tracker_failed", message=message))
    writer.close()


if __name__ == "__main__":
    os.umask(0o077)
    watch(run_at(Path(sys.argv[1])))
