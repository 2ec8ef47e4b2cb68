"""Commands about the results of many runs: `compare`, `export` and `track`."""

from __future__ import annotations

import argparse
from pathlib import Path

from b4r_tui.commands.command import Command, add_json, add_only

EXPORTED = ("csv", "md", "latex", "json", "parquet", "html")
TRACKERS = ("tensorboard", "mlflow")


def _add_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="+", metavar="RUN", help="a run, or an experiment: all its runs")
    parser.add_argument("--metric", metavar="METRIC", help="what to test (the one that chose the best epoch)")
    parser.add_argument("--baseline", metavar="RUN", help="what the others are compared with (the first RUN)")
    parser.add_argument("--protocol", metavar="PROTOCOL", help="of the metric (the first of the runs)")
    add_json(parser)


def _compare(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.reports.comparison import compare_runs

    names, metric, protocol = arguments.names, arguments.metric, arguments.protocol
    return compare_runs(root, names, metric, arguments.baseline, protocol, arguments.json)


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format", choices=EXPORTED, help="what to write (by the ending of FILE, else csv)", dest="form"
    )
    parser.add_argument(
        "--metrics", nargs="+", metavar="METRIC", default=[], help="columns; the first one ranks"
    )
    parser.add_argument("--protocol", metavar="PROTOCOL", help="of the metrics (each run's first)")
    add_only(parser, "just these experiments or runs")
    parser.add_argument("--baseline", metavar="NAME", help="mark what differs significantly from it")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write there (standard output)")


def _export(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.results.export.write import ExportOptions, export_runs

    options = ExportOptions(
        form=arguments.form,
        metrics=tuple(arguments.metrics),
        protocol=arguments.protocol,
        only=tuple(arguments.only),
        baseline=arguments.baseline,
        file=arguments.output,
    )
    return export_runs(root, options)


def _add_track(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="+", metavar="RUN")
    parser.add_argument("--to", choices=TRACKERS, required=True, help="which tracker")
    parser.add_argument(
        "--into",
        metavar="DIR|URI",
        help="TensorBoard's folder (in the run's), MLflow's store (in the runs root)",
    )


def _track(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.commands.track import track

    return track(root, arguments.names, arguments.to, arguments.into)


COMPARE = Command(
    "compare", "what runs, or all runs of experiments, differ in, user by user", _compare, _add_compare
)
EXPORT = Command(
    "export", "leaderboards of all runs as a file for a paper, a sheet or a browser", _export, _add_export
)
TRACK = Command("track", "hand runs over to TensorBoard or MLflow", _track, _add_track)
