"""The parser of the whole command line, and what does not go together in it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from b4r_tui import __version__
from b4r_tui.commands import run_file_arguments, tail_arguments
from b4r_tui.commands.registry import COMMANDS

EPILOG = "exit codes: 0 ok, 1 a run failed, 2 bad input or usage, 3 environment, 130 interrupted"

Parsers = Mapping[str, argparse.ArgumentParser]


def parser() -> argparse.ArgumentParser:
    """The parser that `b4r-tui` reads its arguments with."""
    return _build()[0]


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments; `runs` is the runs root. Ends the program where they are wrong, as argparse does."""
    whole, commands = _build()
    arguments = whole.parse_args(argv)
    misplaced = _misplaced(arguments, commands)
    if misplaced:
        whole.error(misplaced)
    return arguments


def _build() -> tuple[argparse.ArgumentParser, Parsers]:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--runs", type=Path, metavar="DIR", default=argparse.SUPPRESS, help="runs root (./runs)"
    )
    whole = argparse.ArgumentParser(
        prog="b4r-tui",
        description="Edit, launch, watch and compare BERT4Rec experiments. Without a command: the app.",
        epilog=EPILOG,
        parents=[shared],
        allow_abbrev=False,
    )
    whole.add_argument("--version", action="version", version=f"b4r-tui {__version__}")
    whole.add_argument("-f", "--file", type=Path, metavar="FILE", help="experiments file (experiments.toml)")
    run_file_arguments.add_arguments(whole)
    tail_arguments.add_arguments(whole)
    commands = whole.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for command in COMMANDS:
        added = commands.add_parser(
            command.name, help=command.help, description=command.help, parents=[shared], allow_abbrev=False
        )
        command.add_arguments(added)
    return whole, commands.choices


def _misplaced(arguments: argparse.Namespace, commands: Parsers) -> str | None:
    """What does not go together, or None."""
    run, command = arguments.run is not None, arguments.command
    if run + (arguments.tail is not None) + (command is not None) > 1:
        return "choose one of --run, --tail and a command"
    if arguments.file and (run or arguments.tail is not None or command not in (None, "serve")):
        return "-f is for the app and serve; other commands take their FILE themselves"
    if arguments.seed_check and not run:
        return "--seed-check goes with --run"
    for option in ("only", "json"):
        takers = [name for name, taker in commands.items() if taker.get_default(option) is not None]
        if getattr(arguments, option) and not (run or command in takers):
            return f"--{option} goes with --run, {', '.join(takers[:-1])} and {takers[-1]}"
    return tail_arguments.misplaced(arguments)
