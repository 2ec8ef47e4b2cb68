"""`b4r-tui compare RUN…`: prints how runs or groups of runs differ, as tables or JSON."""

from __future__ import annotations

import argparse

from b4r_tui.commands.command import Context, add_json, print_json
from b4r_tui.reports.comparison import print_comparison
from b4r_tui.results.compare import compare
from b4r_tui.results.selection import named_runs
from b4r_tui.runs.store import RunStore
from engine.contract.errors import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add RUN…, --metric, --baseline, --protocol and --json."""
    parser.add_argument("names", nargs="+", metavar="RUN", help="a run, or an experiment for all its runs")
    parser.add_argument(
        "--metric", metavar="METRIC", help="metric to test (default: the one that selected the best epoch)"
    )
    parser.add_argument(
        "--baseline", metavar="RUN", help="what the others are compared with (default: the first RUN)"
    )
    parser.add_argument(
        "--protocol", metavar="PROTOCOL", help="protocol of the metric (default: the runs' first)"
    )
    add_json(parser)


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Compare the runs and experiments named. Raises B4RError if they are not comparable."""
    names, baseline = arguments.names, arguments.baseline
    runs = named_runs(RunStore(context.root), [*names, *([baseline] if baseline else [])])
    comparison = compare(runs, baseline, arguments.metric, arguments.protocol)
    if arguments.json:
        print_json(comparison.as_json(), ensure_ascii=False)
    else:
        print_comparison(comparison, context.console)
    return ExitCode.OK
