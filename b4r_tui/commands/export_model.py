"""`b4r-tui export-model RUN`: exports a run's model as one file and prints how it was verified."""

from __future__ import annotations

import argparse

from b4r_tui.commands.command import Context, add_run
from b4r_tui.commands.program_output import read_result
from b4r_tui.reports.model_export import facts
from b4r_tui.runs.programs.export_model import start
from b4r_tui.runs.store import RunStore
from engine.contract.errors import ExitCode
from engine.contract.options.export_model import add_options, options_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add RUN and the program's options."""
    add_run(parser)
    add_options(parser)


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Export the run's model and print what was written. Raises B4RError."""
    path = start(RunStore(context.root).find(arguments.name), options_of(arguments), lambda *_: None)
    for label, value in facts(read_result(path)).items():
        context.console.print(f"{label:12} {value}", soft_wrap=True)
    return ExitCode.OK
