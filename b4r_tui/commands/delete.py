"""`b4r-tui delete RUN…`: deletes the folders of runs."""

from __future__ import annotations

import argparse

from b4r_tui.commands.command import Context, find_runs, print_line
from b4r_tui.runs.delete import delete
from b4r_tui.runs.store import RunStore
from engine.contract.errors import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add RUN…."""
    parser.add_argument("names", metavar="RUN", nargs="+", help="ended or queued runs")


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Delete the runs in order. Raises B4RError at the first that cannot be deleted."""
    for each in find_runs(RunStore(context.root), arguments.names):
        delete(each)
        print_line(f"{each.name}: deleted")
    return ExitCode.OK
