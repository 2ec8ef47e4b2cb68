"""`b4r-tui launch FILE`: queues the experiments of a file, which then run in the background."""

from __future__ import annotations

import argparse

from b4r_tui.commands.command import (
    Context,
    add_file,
    add_only,
    number,
    print_line,
    print_message,
)
from b4r_tui.experiments.load import load_experiments
from b4r_tui.runs.launch import launch
from b4r_tui.runs.preflight.preflight import CODE
from b4r_tui.runs.store import RunStore
from engine.contract.errors import ExitCode
from engine.contract.events import Warn, read_events
from engine.contract.sanitize import sanitize


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add FILE, --only, --after and --priority."""
    add_file(parser)
    add_only(parser)
    parser.add_argument(
        "--after", nargs="+", metavar="RUN", default=[], help="start when these runs have finished"
    )
    parser.add_argument(
        "--priority", type=number, metavar="N", default=0.0, help="higher starts first (default 0)"
    )


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Queue the experiments; print the id of each run, and what the preflight warns of. Raises B4RError."""
    store, experiments = RunStore(context.root), load_experiments(arguments.path, arguments.only).runnable()
    after = [store.find(name) for name in arguments.after]
    for each in launch(store, experiments, after, arguments.priority):
        print_line(f"{each.run_id}  {each.experiment}")
        for record in read_events(each.events_path):
            if isinstance(record.event, Warn) and record.event.code == CODE:
                print_message(f"{each.experiment}: warning: {sanitize(record.event.message)}")
    return ExitCode.OK
