"""Commands about experiments files: `validate`, `schema`, `launch` and `import`."""

from __future__ import annotations

import argparse
from pathlib import Path

from b4r_tui.commands.command import Command, add_file, add_only
from b4r_tui.commands.numbers import number


def _validate(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.commands.actions import validate

    return validate(arguments.path)


def _schema(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.commands.actions import schema

    return schema()


def _add_launch(parser: argparse.ArgumentParser) -> None:
    add_file(parser)
    add_only(parser)
    parser.add_argument(
        "--after", nargs="+", metavar="RUN", default=[], help="start when these have finished"
    )
    parser.add_argument("--priority", type=number, metavar="N", default=0.0, help="higher starts first (0)")


def _launch(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.commands.actions import launch_file

    return launch_file(arguments.path, root, arguments.only, arguments.after, arguments.priority)


def _add_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scripts", type=Path, nargs="+", metavar="SCRIPT")
    parser.add_argument("--name", help="name of the experiment (the script's)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("-o", "--output", type=Path, metavar="FILE", help="a new file (standard output)")
    where.add_argument("--into", type=Path, metavar="FILE", help="an experiments file to add them to")


def _import(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.commands.import_scripts import import_scripts

    return import_scripts(arguments.scripts, arguments.name, arguments.output, arguments.into)


VALIDATE = Command("validate", "check an experiments file", _validate, add_file)
SCHEMA = Command("schema", "print the JSON Schema of experiments files", _schema)
LAUNCH = Command("launch", "start experiments and leave them running", _launch, _add_launch)
IMPORT = Command(
    "import", "make experiments of the original's train.sh and eval.sh; runs nothing", _import, _add_import
)
