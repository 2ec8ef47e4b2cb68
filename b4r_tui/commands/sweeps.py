"""The command `sweep`."""

from __future__ import annotations

import argparse
from pathlib import Path

from b4r_tui.commands.command import Command, add_file, add_json


def _add_sweep(parser: argparse.ArgumentParser) -> None:
    add_file(parser)
    parser.add_argument(
        "--only",
        dest="sweep",
        metavar="NAME",
        help="the experiment whose sweep to drive, where there are several",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="just say how many runs it takes, and how long"
    )
    parser.add_argument("--retry", action="store_true", help="run what failed once more")
    add_json(parser, "events as JSON lines, then one line")


def _sweep(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.commands.sweep import SweepRequest, sweep_file

    request = SweepRequest(
        arguments.path, arguments.sweep, arguments.dry_run, arguments.retry, arguments.json
    )
    return sweep_file(request, root)


SWEEP = Command(
    "sweep", "drive a sweep to its end; run again, it goes on where it stopped", _sweep, _add_sweep
)
