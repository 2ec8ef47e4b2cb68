"""`--tail RUN`, and the options that go with it."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from b4r_tui.commands.numbers import count
from engine.contract.errors import ExitCode

LEVELS = ("debug", "info", "warning", "error", "critical")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the group of --tail."""
    group = parser.add_argument_group("follow a run's logs")
    group.add_argument(
        "--tail", metavar="RUN", help="a run's id, the start of one, its experiment, or its folder"
    )
    group.add_argument(
        "--rank", type=count, nargs="+", action="extend", metavar="N", help="just the logs of these ranks"
    )
    group.add_argument("--lines", type=count, metavar="K", help="lines of the past, of each source (20)")
    group.add_argument("--no-follow", action="store_true", help="print what there is and end")
    group.add_argument("--grep", type=_pattern, metavar="RE", help="just lines that match")
    group.add_argument("--level", choices=LEVELS, help="just lines of this level or a graver one")


def misplaced(arguments: argparse.Namespace) -> str | None:
    """What is given that needs --tail, where that is not."""
    of_tail = (arguments.rank, arguments.lines, arguments.grep, arguments.level)
    if arguments.tail is None and (arguments.no_follow or any(value is not None for value in of_tail)):
        return "--rank, --lines, --no-follow, --grep and --level go with --tail"
    return None


def run(arguments: argparse.Namespace, root: Path) -> int:
    """Print a run's logs, and follow them."""
    from b4r_tui.commands.tail import TailOptions, tail
    from b4r_tui.reports.table import console
    from b4r_tui.runs.logs.levels import Level
    from b4r_tui.runs.store import RunStore

    lines = TailOptions.lines if arguments.lines is None else arguments.lines
    ranks = tuple(dict.fromkeys(arguments.rank or ()))
    level = Level[(arguments.level or LEVELS[0]).upper()]
    options = TailOptions(ranks, lines, not arguments.no_follow, arguments.grep, level)
    tail(RunStore(root).find(arguments.tail), options, console())
    return ExitCode.OK


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"'{text}' is no regular expression: {error}") from error
