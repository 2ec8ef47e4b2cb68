"""The parser of the command line, and which of its options exclude each other."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from b4r_tui import __version__
from b4r_tui.commands.command import add_root, count
from b4r_tui.commands.registry import COMMANDS, load
from b4r_tui.runs.logs.level import Level

EPILOG = "exit codes: 0 ok, 1 a run failed, 2 bad input or usage, 3 environment, 130 interrupted"


class CommandParser(argparse.ArgumentParser):
    """The parser of one command, without arguments until the command line names it.

    Only then is the command's module imported, so that --help and every command start without the others.
    """

    module: str | None = None

    def load(self) -> CommandParser:
        """Import the command's module, once, and let it add its arguments."""
        if self.module is not None:
            module, self.module = self.module, None
            add_root(self)
            load(module).add_arguments(self)
        return self

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the words after the command's name, as argparse does once it has found it."""
        return super(CommandParser, self.load()).parse_known_args(args, namespace)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the program; a command's parser is empty until it parses or is loaded."""
    program = argparse.ArgumentParser(
        prog="b4r-tui",
        description="Edit, launch, monitor and compare BERT4Rec experiments. Opens the app if no command is given.",
        epilog=EPILOG,
        allow_abbrev=False,
    )
    add_root(program)
    program.add_argument("--version", action="version", version=f"b4r-tui {__version__}")
    program.add_argument(
        "-f", "--file", type=Path, metavar="FILE", help="experiments file (default experiments.toml)"
    )
    _add_run_file(program)
    _add_tail(program)
    commands = program.add_subparsers(
        dest="command", metavar="COMMAND", title="commands", parser_class=CommandParser
    )
    for name, entry in COMMANDS.items():
        added = commands.add_parser(name, help=entry.help, description=entry.help, allow_abbrev=False)
        added.module = entry.module
    return program


def full_parser() -> argparse.ArgumentParser:
    """Return the parser with the arguments of all commands, for completion scripts and reference pages."""
    program = build_parser()
    for action in program._actions:
        if isinstance(action, argparse._SubParsersAction):
            for parser in action.choices.values():
                parser.load()
    return program


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the arguments; `runs` is the runs root. Exits with a message if they are wrong, as argparse does."""
    program = build_parser()
    arguments = program.parse_args(argv)
    misplaced = _misplaced(arguments)
    if misplaced:
        program.error(misplaced)
    return arguments


# The options of --run and --tail are the program's own, so they are here and not with what they do.
def _add_run_file(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("run in the foreground")
    group.add_argument(
        "--run", type=Path, metavar="FILE", help="run all experiments of FILE and print a leaderboard"
    )
    group.add_argument("--only", nargs="+", metavar="NAME", default=[], help="only these experiments")
    group.add_argument(
        "--seed-check",
        action="store_true",
        help="run each experiment twice with the same seed; fail if test metrics differ",
    )
    group.add_argument(
        "--json", action="store_true", help="print events as JSON lines, then one summary line"
    )


def _add_tail(parser: argparse.ArgumentParser) -> None:
    levels = [level.name.lower() for level in Level]
    group = parser.add_argument_group("follow a run's logs")
    group.add_argument(
        "--tail", metavar="RUN", help="a run's id or a unique prefix of it, its experiment, or its folder"
    )
    group.add_argument(
        "--rank", type=count, nargs="+", action="extend", metavar="N", help="only the logs of these ranks"
    )
    group.add_argument(
        "--lines", type=count, metavar="K", help="show the last K lines per source (default 20)"
    )
    group.add_argument("--no-follow", action="store_true", help="print and exit")
    group.add_argument("--grep", type=_pattern, metavar="RE", help="only lines that match")
    group.add_argument("--level", choices=levels, help="only lines at this level or above")


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not a valid regular expression: {error}") from error


def _misplaced(arguments: argparse.Namespace) -> str | None:
    """Return what is wrong with the combination of options, if anything."""
    run, tail, command = arguments.run is not None, arguments.tail is not None, arguments.command
    if run + tail + (command is not None) > 1:
        return "choose one of --run, --tail and a command"
    if arguments.file and (run or tail or command not in (None, "serve")):
        return "-f is only for the app and serve; other commands take FILE as an argument"
    if arguments.seed_check and not run:
        return "--seed-check requires --run"
    for option in ("only", "json"):
        takers = [name for name, entry in COMMANDS.items() if option in entry.takes]
        if getattr(arguments, option) and not (run or command in takers):
            return f"--{option} goes with --run, {', '.join(takers[:-1])} and {takers[-1]}"
    of_tail = (arguments.rank, arguments.lines, arguments.grep, arguments.level)
    if not tail and (arguments.no_follow or any(value is not None for value in of_tail)):
        return "--rank, --lines, --no-follow, --grep and --level require --tail"
    return None
