"""`b4r-tui retry RUN…`: queues failed, stopped or lost runs again."""

from __future__ import annotations

import argparse

from b4r_tui.commands.command import Context, add_only, find_runs, print_line
from b4r_tui.runs.retry import failed_runs, retry
from b4r_tui.runs.store import RunStore
from engine.contract.errors import B4RError, ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add RUN…, --failed, --only and --fresh."""
    parser.add_argument("names", metavar="RUN", nargs="*", help="failed, stopped or lost runs")
    parser.add_argument("--failed", action="store_true", help="all failed or lost runs")
    add_only(parser, "with --failed: only runs of these experiments")
    parser.add_argument("--fresh", action="store_true", help="as new runs, even if they could be resumed")
    # the previous release's name of --fresh
    parser.add_argument("--anew", dest="fresh", action="store_true", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Queue the runs again and print their ids. Raises B4RError if it is not clear which runs are meant."""
    store = RunStore(context.root)
    if bool(arguments.names) == arguments.failed or (arguments.only and not arguments.failed):
        raise B4RError("retry takes RUN…, or --failed for all failed or lost runs, which --only can restrict")
    runs = failed_runs(store, arguments.only) if arguments.failed else find_runs(store, arguments.names)
    for each in retry(store, runs, arguments.fresh):
        print_line(f"{each.run_id}  {each.experiment}")
    if not runs:
        print_line(f"no failed runs in {context.root}")
    return ExitCode.OK
