"""`b4r-tui track RUN… --to tensorboard|mlflow`: hands over runs that were not tracked, or not whole."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from b4r_tui.common.format import plural
from b4r_tui.runs.store import RunStore
from b4r_tui.runs.trackers.feed import Feed, make_tracker
from engine.contract.errors import B4RError, ExitCode


def track(root: Path, names: Sequence[str], kind: str, place: str | None) -> ExitCode:
    """Hand over the runs, all of them known before the first is. Handing over again changes nothing.

    Raises B4RError, with the environment's exit code where the tracker's package or its place is missing.
    """
    store = RunStore(root)
    runs = [store.find(name) for name in names]
    unended = [run for run in runs if not run.state.ended]
    if unended:
        run = unended[0]
        raise B4RError(f"{run.experiment}/{run.run_id} is {run.state}; hand it over once it has ended")
    for run in runs:
        tracker = make_tracker(kind, run, place)
        try:
            feed = Feed(run, tracker)
            feed.poll()
            feed.close()
        except Exception as error:
            raise B4RError(f"{kind}: {run.run_id}: {error}", ExitCode.ENVIRONMENT) from error
    sys.stdout.write(f"{plural(len(runs), 'run')} handed over to {kind}\n")
    return ExitCode.OK
