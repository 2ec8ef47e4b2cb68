"""The entry point of the command line: parses arguments, runs what they ask for, shows errors."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from b4r_tui.commands.command import Context
from b4r_tui.commands.parser import parse
from b4r_tui.commands.registry import COMMANDS, load
from engine.contract.errors import B4RError, ExitCode
from engine.contract.sanitize import sanitize


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code. This is the only place that shows errors."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character shows ? instead
    try:
        code = _run(parse(argv))
        sys.stdout.flush()
        return int(code)
    except B4RError as error:
        for line in str(error).splitlines():
            sys.stderr.write(f"b4r-tui: {sanitize(line)}\n")
        return int(error.code)
    except KeyboardInterrupt:
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:  # the reader of our output has exited, as `head` does; runs continue
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.OK)


def _run(arguments: argparse.Namespace) -> int:
    root = getattr(arguments, "runs", None) or Path("runs")
    module = _module_of(arguments)
    if module is None:
        return _open_app(arguments.file, root)
    return load(module).run(arguments, Context(root))


def _module_of(arguments: argparse.Namespace) -> str | None:
    """Return the module of `commands` that the arguments ask for; None for the app."""
    if arguments.run is not None:
        return "run_file"
    if arguments.tail is not None:
        return "tail"
    return COMMANDS[arguments.command].module if arguments.command else None


def _open_app(file: Path | None, root: Path) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise B4RError("not a terminal: the app needs one, use --run FILE, or see --help")
    from b4r_tui.app.app import run_app  # Textual is only needed here, and takes longer than most commands

    return run_app(file or Path("experiments.toml"), root, tour=file is None)
