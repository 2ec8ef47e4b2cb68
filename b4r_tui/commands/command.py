"""What a subcommand is, and the arguments that several of them take."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Arguments = argparse._ActionsContainer  # a parser, or a group of its arguments


def none(parser: argparse.ArgumentParser) -> None:
    """The arguments of a command without any."""


@dataclass(frozen=True)
class Command:
    """One subcommand.

    run: takes the parsed arguments and the runs root, gives the exit code; it may raise B4RError.
    add_arguments: adds to the command's own parser, which has --runs already.
    """

    name: str
    help: str
    run: Callable[[argparse.Namespace, Path], int]
    add_arguments: Callable[[argparse.ArgumentParser], None] = none


# --json and --only may stand before a command too, so a command's own must not reset what was given there.
def add_json(parser: Arguments, help_line: str = "as JSON") -> None:
    """Let a command take --json."""
    parser.add_argument("--json", action="store_true", help=help_line, default=argparse.SUPPRESS)


def add_only(parser: Arguments, help_line: str = "just these experiments") -> None:
    """Let a command take --only."""
    parser.add_argument("--only", nargs="+", metavar="NAME", default=argparse.SUPPRESS, help=help_line)


def add_run(parser: Arguments) -> None:
    """Let a command take one RUN."""
    parser.add_argument("name", metavar="RUN")


def add_file(parser: Arguments) -> None:
    """Let a command take one FILE."""
    parser.add_argument("path", type=Path, metavar="FILE")
