"""`b4r-tui fairness RUN`: measures a run's fairness and prints table and curve."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from b4r_tui.commands.command import Context, add_json, add_run, print_json
from b4r_tui.commands.program_output import progress_bars, read_result
from b4r_tui.reports.fairness import print_result
from b4r_tui.reports.fairness_plot import write_plot
from b4r_tui.runs.programs.fairness import PHASES, start
from b4r_tui.runs.store import RunStore
from engine.contract.errors import ExitCode
from engine.contract.options.fairness import add_options, options_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add RUN, --json and the program's options."""
    add_run(parser)
    add_json(parser)
    add_options(parser)


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Measure the run's fairness and print table and curve, or the result as JSON. Raises B4RError."""
    run = RunStore(context.root).find(arguments.name)
    with progress_bars(PHASES) as on_progress:
        path = start(run, options_of(arguments), on_progress)
    result = read_result(path)
    if arguments.json:
        print_json(result, ensure_ascii=False)
        return ExitCode.OK
    print_result(result, context.console)
    context.console.print(f"{'result':12} {path}", soft_wrap=True)
    context.console.print(f"{'plot':12} {_plot(result, path)}", soft_wrap=True)
    return ExitCode.OK


def _plot(result: dict[str, Any], path: Path) -> str:
    try:
        return str(write_plot([result], path.with_suffix(".svg")))
    except ImportError:
        return "none: install matplotlib with pip install 'b4r-tui[plots]'"
