"""`b4r-tui schema`: prints the JSON Schema of experiments files, for editors."""

from __future__ import annotations

import argparse
import json

from b4r_tui.commands.command import Context, print_line
from b4r_tui.experiments.schema import file_schema
from engine.contract.errors import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command has no arguments of its own."""


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Print the schema, indented."""
    print_line(json.dumps(file_schema(), indent=1))
    return ExitCode.OK
