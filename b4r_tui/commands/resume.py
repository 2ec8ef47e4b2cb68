"""`b4r-tui resume RUN`: resumes a run from its last checkpoint, in the background."""

from __future__ import annotations

import argparse

from b4r_tui.commands.command import Context, add_run, print_line
from b4r_tui.runs.resume import resume
from b4r_tui.runs.store import RunStore
from engine.contract.errors import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add RUN, --j and --mode."""
    add_run(parser)
    parser.add_argument("--j", metavar="1xN", help="on a different number of processes")
    parser.add_argument("--mode", choices=("ddp", "dmp"), help="in the other mode")


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Queue the run again and print its id. Raises B4RError if it cannot be resumed."""
    run = RunStore(context.root).find(arguments.name)
    resume(run, arguments.j, arguments.mode)
    print_line(f"{run.run_id}  {run.experiment}")
    return ExitCode.OK
