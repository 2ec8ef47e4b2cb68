"""`--run FILE`, and the options that go with it."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the group of --run. --only and --json belong to some commands too."""
    group = parser.add_argument_group("run experiments here and now")
    group.add_argument(
        "--run", type=Path, metavar="FILE", help="run all experiments of FILE, end with a leaderboard"
    )
    group.add_argument("--only", nargs="+", metavar="NAME", default=[], help="just these experiments")
    group.add_argument(
        "--seed-check",
        action="store_true",
        help="run each twice with its seed; their test metrics must be equal",
    )
    group.add_argument("--json", action="store_true", help="events as JSON lines, then one summary line")


def run(arguments: argparse.Namespace, root: Path) -> int:
    """Run a file of experiments to their end."""
    from b4r_tui.commands.run_file import run_file

    return run_file(arguments.run, root, arguments.only, arguments.json, arguments.seed_check)
