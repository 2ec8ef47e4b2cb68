"""Commands about what waits: `queue`, `retry` and `delete`."""

from __future__ import annotations

import argparse
from pathlib import Path

from b4r_tui.commands.command import Command, add_json, add_only
from b4r_tui.commands.numbers import number

AS_BEFORE = 0  # no limit can be this; None takes one away


def _add_queue(parser: argparse.ArgumentParser) -> None:
    add_json(parser)
    doings = parser.add_subparsers(dest="doing", metavar="DOING", title="what to do (list)")

    def doing(name: str, help_line: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = doings.add_parser(
            name, help=help_line, description=help_line, allow_abbrev=False
        )
        added.add_argument(
            "--runs", metavar="DIR", type=Path, default=argparse.SUPPRESS, help="runs root (./runs)"
        )
        return added

    add_json(doing("list", "show the runs under way and those that wait, and why"))
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


def _queue(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.commands.queueing import act

    return act(arguments, root)


def _add_retry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", metavar="RUN", nargs="*", help="runs that failed, were stopped or got lost")
    parser.add_argument("--failed", action="store_true", help="all that failed or got lost")
    add_only(parser, "with --failed: of these experiments")
    parser.add_argument("--anew", action="store_true", help="as new runs, even where one could go on")


def _retry(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.commands.queueing import retry_runs

    return retry_runs(arguments, root)


def _add_delete(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", metavar="RUN", nargs="+", help="runs that have ended or wait")


def _delete(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.commands.queueing import delete_runs

    return delete_runs(arguments, root)


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


QUEUE = Command("queue", "show what runs and what waits, and why; change its order", _queue, _add_queue)
RETRY = Command("retry", "give runs that failed or got lost another try", _retry, _add_retry)
DELETE = Command("delete", "delete the folders of runs that have ended or wait", _delete, _add_delete)
