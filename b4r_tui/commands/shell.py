"""The command `completion`: a script that lets a shell complete the command line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from b4r_tui.commands.command import Command
from engine.contract.errors import ExitCode

SHELLS = ("bash", "zsh", "fish")


def _add_completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))


def _completion(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.commands.completion import script
    from b4r_tui.commands.parser import parser

    sys.stdout.write(script(parser(), arguments.shell))
    return ExitCode.OK


COMPLETION = Command(
    "completion", "print a script that lets your shell complete commands", _completion, _add_completion
)
