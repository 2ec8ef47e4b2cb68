"""What a command is, what it runs in, and the arguments and printing that several commands share."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.console import Console

    from b4r_tui.runs.store import Run, RunStore

Arguments = argparse._ActionsContainer  # a parser, or a group of its arguments


@dataclass(frozen=True)
class Context:
    """What a command runs in. root: the runs root."""

    root: Path

    @cached_property
    def console(self) -> Console:
        """The console of standard output."""
        from b4r_tui.reports.table import console  # rich is only worth importing for commands that use it

        return console()


class Command(Protocol):
    """A module with a command."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments to its own parser, which has --runs already."""

    def run(self, arguments: argparse.Namespace, context: Context) -> int:
        """Run the command and return the exit code. Raises B4RError."""


def add_root(parser: Arguments) -> None:
    """Add --runs, which may be given before or after a command's name."""
    parser.add_argument(
        "--runs", type=Path, metavar="DIR", default=argparse.SUPPRESS, help="runs root (default ./runs)"
    )


# --json and --only may be given before a command's name too, so a command's own must not reset them.
def add_json(parser: Arguments, help_line: str = "print JSON") -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help=help_line, default=argparse.SUPPRESS)


def add_only(parser: Arguments, help_line: str = "only these experiments") -> None:
    """Add --only."""
    parser.add_argument("--only", nargs="+", metavar="NAME", default=argparse.SUPPRESS, help=help_line)


def add_run(parser: Arguments) -> None:
    """Add the positional argument RUN."""
    parser.add_argument("name", metavar="RUN")


def add_file(parser: Arguments) -> None:
    """Add the positional argument FILE."""
    parser.add_argument("path", type=Path, metavar="FILE")


def count(text: str) -> int:
    """Parse a whole number from 0 on."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of at least 0")
    return int(text)


def number(text: str) -> float:
    """Parse a finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number")
    return value


def find_runs(store: RunStore, names: Sequence[str]) -> list[Run]:
    """Return the runs named, each once. Raises B4RError for an unknown one."""
    return list({run.dir: run for run in map(store.find, names)}.values())


def print_line(line: str) -> None:
    """Write a line to standard output as it is."""
    sys.stdout.write(line + "\n")


def print_json(value: Any, ensure_ascii: bool = True) -> None:
    """Write a value to standard output as one line of JSON."""
    print_line(json.dumps(value, ensure_ascii=ensure_ascii))


def print_message(sentence: str) -> None:
    """Write a message to standard error, apart from what the command prints."""
    sys.stderr.write(f"b4r-tui: {sentence}\n")
