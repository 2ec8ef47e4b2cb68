"""Commands about single runs: `runs`, `show`, `stop`, `resume` and `rerun`."""

from __future__ import annotations

import argparse
from pathlib import Path

from b4r_tui.commands.command import Command, add_json, add_run

STATES = ("queued", "running", "finished", "failed", "stopped", "lost")


def _add_runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", choices=STATES, help="just runs in this state")
    add_json(parser)


def _runs(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.commands.actions import list_runs

    return list_runs(root, arguments.state, arguments.json)


def _add_show(parser: argparse.ArgumentParser) -> None:
    add_run(parser)
    parser.add_argument("--repro", action="store_true", help="what it takes to run it again, ready to paste")
    add_json(parser)


def _show(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.commands.show_run import show_run

    return show_run(root, arguments.name, arguments.json, arguments.repro)


def _stop(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.commands.actions import stop_run

    return stop_run(root, arguments.name)


def _add_resume(parser: argparse.ArgumentParser) -> None:
    add_run(parser)
    parser.add_argument("--j", metavar="1xN", help="on other ranks than before")
    parser.add_argument("--mode", choices=("ddp", "dmp"), help="in the other mode")


def _resume(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.commands.actions import resume_run

    return resume_run(root, arguments.name, arguments.j, arguments.mode)


def _add_rerun(parser: argparse.ArgumentParser) -> None:
    add_run(parser)
    parser.add_argument(
        "--check", action="store_true", help="wait, and say whether losses and metrics are identical"
    )
    add_json(parser)


def _rerun(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.commands.rerun import rerun

    return rerun(root, arguments.name, arguments.check, arguments.json)


RUNS = Command("runs", "list runs", _runs, _add_runs)
SHOW = Command("show", "show one run whole", _show, _add_show)
STOP = Command("stop", "stop a run", _stop, add_run)
RESUME = Command(
    "resume",
    "go on with a run that was stopped, failed or got lost, where it was saved last",
    _resume,
    _add_resume,
)
RERUN = Command("rerun", "run a run's frozen config again", _rerun, _add_rerun)
