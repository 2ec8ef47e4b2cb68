"""`b4r-tui recommend RUN`: prints recommended items as a table, JSON or csv."""

from __future__ import annotations

import argparse
import csv
import sys
from typing import Any

from b4r_tui.commands.command import Context, add_json, add_run, print_json
from b4r_tui.commands.program_output import progress_bars, read_result
from b4r_tui.common.format import plural
from b4r_tui.reports.recommendations import list_table
from b4r_tui.reports.table import console as make_console
from b4r_tui.reports.table import show
from b4r_tui.runs.programs.recommend import start
from b4r_tui.runs.store import RunStore
from engine.contract.errors import ExitCode
from engine.contract.options.recommend import add_options, options_of

PHASES = {"recommend": "recommending"}
COLUMNS = ("user", "rank", "item", "title", "score")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add RUN, the program's options, and --json or --csv."""
    add_run(parser)
    add_options(parser)
    form = parser.add_mutually_exclusive_group()
    add_json(form)
    form.add_argument("--csv", action="store_true", help="print csv")


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Print the lists, or where the lists of all users were written. Raises B4RError."""
    run, options = RunStore(context.root).find(arguments.name), options_of(arguments)
    with progress_bars(PHASES if options.everyone else {}) as on_progress:
        path = start(run, options, on_progress)
    result = read_result(path)
    errors = make_console(stderr=True)
    for warning in result["warnings"]:
        errors.print(f"warning: {warning}", soft_wrap=True)
    _print(result, arguments, context)
    return ExitCode.OK


def _print(result: dict[str, Any], arguments: argparse.Namespace, context: Context) -> None:
    if arguments.json:
        print_json(result, ensure_ascii=False)
    elif "path" in result:
        line = f"{result['path']}: {result['k']} items for each of {plural(result['users'], 'user')}"
        context.console.print(line, soft_wrap=True)
    elif arguments.csv:
        _print_csv(result)
    else:
        show(list_table(result), context.console)


def _print_csv(result: dict[str, Any]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in result["recommendations"]:
        for entry in each["items"]:
            row = [each["user"] or "", entry["rank"], entry["item"], entry["title"] or "", entry["score"]]
            writer.writerow(row)
