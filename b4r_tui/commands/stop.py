"""`b4r-tui stop RUN`: stops a run and waits until it has ended."""

from __future__ import annotations

import argparse

from b4r_tui.commands.command import Context, add_run, print_line
from b4r_tui.runs.launch import stop
from b4r_tui.runs.store import RunStore
from engine.contract.errors import B4RError, ExitCode

STOP_SECONDS = 60.0

add_arguments = add_run


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Stop the run. Raises B4RError if it has not ended after a minute."""
    run = RunStore(context.root).find(arguments.name)
    ended_before = run.state.ended
    stop(run, wait=STOP_SECONDS)
    if ended_before:
        print_line(f"{run.experiment}/{run.run_id} had already ended: {run.state}")
        return ExitCode.OK
    if not run.state.ended:
        raise B4RError(
            f"{run.experiment}/{run.run_id} was asked to stop and is still stopping", ExitCode.ENVIRONMENT
        )
    print_line(f"{run.experiment}/{run.run_id}: {run.state}")
    return ExitCode.OK
