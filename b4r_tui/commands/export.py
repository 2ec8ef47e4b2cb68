"""`b4r-tui export`: writes the leaderboards of all runs as csv, Markdown, LaTeX, JSON, Parquet or an HTML report."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from b4r_tui.commands.command import Context, add_only, print_message
from b4r_tui.results.conditions import Conditions, differing, listed
from b4r_tui.results.export.formats import FORMATS
from b4r_tui.results.export.table import Panel
from b4r_tui.results.export.write import LeaderboardExport, exported, format_of, rendered, write_file
from b4r_tui.runs.store import RunStore
from engine.contract.errors import B4RError, ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --format, --metrics, --protocol, --only, --baseline and --output."""
    parser.add_argument(
        "--format", choices=FORMATS, help="format (default: from FILE's extension, or csv)", dest="form"
    )
    parser.add_argument(
        "--metrics", nargs="+", metavar="METRIC", default=[], help="columns; the first one ranks"
    )
    parser.add_argument(
        "--protocol", metavar="PROTOCOL", help="protocol of the metrics (default: each run's first)"
    )
    add_only(parser, "only these experiments or runs")
    parser.add_argument("--baseline", metavar="NAME", help="mark significant differences from this one")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="output file (default: standard output)"
    )


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Write the leaderboards of all tested runs. Raises B4RError if there are none."""
    options = LeaderboardExport(
        form=arguments.form,
        metrics=tuple(arguments.metrics),
        protocol=arguments.protocol,
        only=tuple(arguments.only),
        baseline=arguments.baseline,
        file=arguments.output,
    )
    form = format_of(options)
    if form == "parquet" and options.file is None and sys.stdout.isatty():
        raise B4RError("parquet is not text for a terminal; name a file with -o FILE")
    runs = {each.run_id: each for each in RunStore(context.root).runs()}
    panels = exported(context.root, runs, options)
    if len(panels) > 1:
        print_message(f"{len(panels)} tables, since the runs differ in {listed(_differing(panels))}")
    data = rendered(form, panels, runs)
    if options.file is None:
        _write_stdout(data)
    else:
        write_file(options.file, data)
        print_message(f"wrote {options.file}")
    return ExitCode.OK


def _differing(panels: list[Panel]) -> list[str]:
    return differing(Conditions(p.protocol, "", p.dataset, p.fingerprint, p.negatives) for p in panels)


def _write_stdout(data: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
