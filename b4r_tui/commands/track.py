"""`b4r-tui track RUN… --to tensorboard|mlflow`: exports runs that were not tracked, or not completely."""

from __future__ import annotations

import argparse

from b4r_tui.commands.command import Context, print_line
from b4r_tui.common.format import plural
from b4r_tui.runs.store import RunStore
from b4r_tui.runs.trackers.feed import TRACKERS, Feed, make_tracker
from engine.contract.errors import B4RError, ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add RUN…, --to and --into."""
    parser.add_argument("names", nargs="+", metavar="RUN")
    parser.add_argument("--to", choices=TRACKERS, required=True, help="tracker")
    parser.add_argument(
        "--into",
        metavar="DIR|URI",
        help="TensorBoard's folder (default: in the run's), or MLflow's store (default: in the runs root)",
    )


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Export the runs; exporting again changes nothing. All names are looked up before the first export.

    Raises B4RError, with ENVIRONMENT if the tracker's package or its place is missing.
    """
    store, tracker_name = RunStore(context.root), arguments.to
    runs = [store.find(name) for name in arguments.names]
    active = [run for run in runs if not run.state.ended]
    if active:
        run = active[0]
        raise B4RError(f"{run.experiment}/{run.run_id} is {run.state}; export it once it has ended")
    for run in runs:
        tracker = make_tracker(tracker_name, run, arguments.into)
        try:
            feed = Feed(run, tracker)
            feed.poll()
            feed.close()
        except Exception as error:
            raise B4RError(f"{tracker_name}: {run.run_id}: {error}", ExitCode.ENVIRONMENT) from error
    print_line(f"exported {plural(len(runs), 'run')} to {tracker_name}")
    return ExitCode.OK
