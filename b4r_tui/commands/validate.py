"""`b4r-tui validate FILE`: checks an experiments file."""

from __future__ import annotations

import argparse

from b4r_tui.commands.command import Context, add_file, print_line
from b4r_tui.common.format import plural
from b4r_tui.experiments.load import load_experiments
from engine.contract.errors import ExitCode

add_arguments = add_file


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Print that the file is valid and what it contains. Raises B4RError if it is not."""
    loaded = load_experiments(arguments.path)
    print_line(f"{arguments.path}: OK: {plural(len(loaded.experiments), 'experiment')}")
    for experiment in loaded.experiments:
        print_line(f"  {experiment.name}  {experiment.launch.mode} x{experiment.launch.ranks}")
    for name, sweep in loaded.sweeps.items():
        print_line(f"  sweep of {name}: {sweep.sentence}")
    return ExitCode.OK
