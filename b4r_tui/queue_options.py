"""The arguments of `b4r-tui queue`, `retry` and `delete`."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

AS_BEFORE = 0  # no limit can be this; None takes one away


def add_queue(parser: argparse.ArgumentParser) -> None:
    """Add the doings of `queue`; without one it lists."""
    parser.add_argument("--json", action="store_true", help="as JSON", default=argparse.SUPPRESS)
    doings = parser.add_subparsers(dest="doing", metavar="DOING", title="what to do (list)")

    def doing(name: str, help_line: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = doings.add_parser(
            name, help=help_line, description=help_line, allow_abbrev=False
        )
        added.add_argument(
            "--runs", metavar="DIR", type=Path, default=argparse.SUPPRESS, help="runs root (./runs)"
        )
        return added

    doing("list", "show the runs under way and those that wait, and why").add_argument(
        "--json", action="store_true", help="as JSON", default=argparse.SUPPRESS
    )
    for name, help_line in (
        ("pause", "start no more runs, or hold these back; runs under way go on"),
        ("go", "go on with the queue, or let these go"),
    ):
        doing(name, help_line).add_argument(
            "names", metavar="RUN", nargs="*", help="queued runs; none: the queue"
        )
    move = doing("move", "let a queued run start first, last, or right before or after another")
    move.add_argument("name", metavar="RUN")
    move.add_argument("place", choices=("first", "last", "before", "after"))
    move.add_argument("other", metavar="OTHER", nargs="?", help="of before and after")
    priority = doing("priority", "let a queued run start before all of lower priority (0)")
    priority.add_argument("name", metavar="RUN")
    priority.add_argument("number", metavar="N", type=number)
    _add_limit(doing("limit", "limit what runs take together; none: the limit goes"))


def add_retry(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `retry`."""
    parser.add_argument("names", metavar="RUN", nargs="*", help="runs that failed, were stopped or got lost")
    parser.add_argument("--failed", action="store_true", help="all that failed or got lost")
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="NAME",
        default=argparse.SUPPRESS,
        help="with --failed: of these experiments",
    )
    parser.add_argument("--anew", action="store_true", help="as new runs, even where one could go on")


def add_delete(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `delete`."""
    parser.add_argument("names", metavar="RUN", nargs="+", help="runs that have ended or wait")


def number(text: str) -> float:
    """A priority."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number")
    return value


def _add_limit(parser: argparse.ArgumentParser) -> None:
    for name, what in (
        ("cpus", "CPU threads that runs take together (all cores)"),
        ("at-once", "runs at once on this machine (none)"),
        ("elsewhere", "runs at once that a cluster runs (16)"),
    ):
        parser.add_argument(f"--{name}", metavar="N", type=_limit, default=AS_BEFORE, help=what)


def _limit(text: str) -> int | None:
    if text == "none":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1 on, nor none")
    return int(text)
