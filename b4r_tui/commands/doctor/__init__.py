"""`b4r-tui doctor [FILE]`: checks that this machine can run experiments, and prints fixes where it cannot."""

from __future__ import annotations

import argparse
from pathlib import Path

from b4r_tui.commands.command import Context, add_json, print_json
from b4r_tui.commands.doctor.report import all_checks, print_checks
from engine.contract.errors import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add FILE and --json."""
    parser.add_argument(
        "path", type=Path, metavar="FILE", nargs="?", help="also check that its experiments can run"
    )
    add_json(parser)


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Print all checks with fixes; return ENVIRONMENT if one of them is a problem."""
    checks = all_checks(context.root, arguments.path)
    if arguments.json:
        print_json([check.as_json() for check in checks])
    else:
        print_checks(checks, context.console)
    return ExitCode.ENVIRONMENT if any(check.status == "problem" for check in checks) else ExitCode.OK
