"""`b4r-tui fetch DATASET`: downloads a MovieLens data set."""

from __future__ import annotations

import argparse
from pathlib import Path

from b4r_tui.commands.command import Context, print_line
from b4r_tui.experiments.datasets import ARCHIVES, fetch
from b4r_tui.reports.table import console
from engine.contract.errors import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add DATASET and --into."""
    names = tuple(ARCHIVES)
    parser.add_argument("dataset", choices=names, metavar="DATASET", help=", ".join(names))
    parser.add_argument(
        "--into",
        type=Path,
        metavar="DIR",
        default=Path("datasets"),
        help="folder of data sets (default ./datasets)",
    )


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Download the data set and print where it is. Raises B4RError with a way to get it by hand."""
    name = arguments.dataset
    folder = fetch(ARCHIVES[name], arguments.into, console(stderr=True))
    print_line(f'{folder}: OK; set data.dataset_name = "{name}" and data.dataset_path to this folder')
    return ExitCode.OK
