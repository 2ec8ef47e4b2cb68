"""The command line: reads arguments, calls what they ask for, shows errors. Heavy imports wait until needed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from b4r_tui.commands import run_file_arguments, tail_arguments
from b4r_tui.commands.parser import parse, parser
from b4r_tui.commands.registry import COMMANDS
from engine.contract.errors import B4RError, ExitCode
from engine.contract.sanitize import sanitize

__all__ = ["main", "parser"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code. The one place where errors are shown."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character shows a ? for it
    try:
        code = _act(parse(argv))
        sys.stdout.flush()
        return int(code)
    except B4RError as error:
        for line in str(error).splitlines():
            sys.stderr.write(f"b4r-tui: {sanitize(line)}\n")
        return int(error.code)
    except KeyboardInterrupt:
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:  # the reader of our output has gone, as `head` does; runs go on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.OK)


def _act(arguments: argparse.Namespace) -> int:
    """Do what the arguments ask for."""
    root = getattr(arguments, "runs", None) or Path("runs")
    if arguments.run is not None:
        return run_file_arguments.run(arguments, root)
    if arguments.tail is not None:
        return tail_arguments.run(arguments, root)
    for command in COMMANDS:
        if command.name == arguments.command:
            return command.run(arguments, root)
    return _open_app(arguments.file, root)


def _open_app(file: Path | None, root: Path) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise B4RError("the app needs a terminal; without one use --run FILE, or see --help")
    from b4r_tui.app.app import run_app

    return run_app(file or Path("experiments.toml"), root, tour=file is None)
