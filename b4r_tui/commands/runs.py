"""`b4r-tui runs`: lists the runs of the runs root, oldest first."""

from __future__ import annotations

import argparse

from b4r_tui.commands.command import Context, add_json, print_json, print_line
from b4r_tui.reports.runs import runs_table
from b4r_tui.reports.table import show
from b4r_tui.runs.index import states_of
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import RunStore
from b4r_tui.runs.summary import read_summary
from b4r_tui.runs.supervision.orphans import sweep_lost
from engine.contract.errors import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --state and --json."""
    states = [state.value for state in RunState]
    parser.add_argument("--state", choices=states, help="only runs in this state")
    add_json(parser)


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Print all runs, or only those in the given state."""
    root, state = context.root, arguments.state
    runs = RunStore(root).runs()
    states = states_of(root, runs)
    sweep_lost(root, states.values())
    summaries = [read_summary(each) for each in runs if state is None or states[each.dir].value == state]
    if arguments.json:
        print_json(summaries)
    elif summaries:
        show(runs_table(summaries), context.console)
    else:
        print_line(f"no {state + ' ' if state else ''}runs in {root}")
    return ExitCode.OK
