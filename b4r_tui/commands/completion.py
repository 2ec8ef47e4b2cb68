"""`b4r-tui completion SHELL`: prints a shell's completion script, made by shtab from the parser."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

import shtab

from b4r_tui.commands.command import Context
from b4r_tui.commands.parser import full_parser
from engine.contract.errors import ExitCode

SHELLS = ("bash", "zsh", "fish")
# Experiment names and run ids in ./runs, by programs that every shell has: asking b4r-tui itself takes longer.
_NAMES = "find runs -mindepth 1 -maxdepth 2 -type d -not -path '*/.*' 2>/dev/null | sed 's:.*/::'"
_RUNS = shtab.cmd(_NAMES)
_BY_METAVAR: dict[str, Any] = {
    "RUN": _RUNS,
    "OTHER": _RUNS,
    "RUN|FILE.pth": _RUNS,
    "DIR": shtab.DIRECTORY,
    "FILE": shtab.FILE,
    "PATH": shtab.FILE,
    "SCRIPT": shtab.FILE,
    "TOML": shtab.FILE,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add SHELL."""
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Print the script."""
    sys.stdout.write(script(full_parser(), arguments.shell))
    return ExitCode.OK


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """Return the script that completes options, choices, files, and the runs in ./runs."""
    for action in _actions(parser):
        if action.metavar in _BY_METAVAR and not action.choices:
            action.complete = _BY_METAVAR[action.metavar]  # type: ignore[attr-defined]  # shtab reads it
    return str(shtab.complete(parser, shell))


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _actions(below)
