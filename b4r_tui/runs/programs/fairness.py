"""`b4r-tui fairness RUN`: starts the engine's measurement, shows how far it is, then what it found."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from b4r_tui.reports.fairness import curve_lines, facts, fairness_table, notes
from b4r_tui.reports.fairness_plot import write_picture
from b4r_tui.reports.table import console as make_console
from b4r_tui.reports.table import show
from b4r_tui.runs.programs.process import run_program
from b4r_tui.runs.programs.progress import OnProgress, bars
from b4r_tui.runs.store import Run, RunStore
from engine.contract.atomic_files import read_json
from engine.contract.errors import B4RError, ExitCode
from engine.contract.options.fairness import FairnessOptions, as_arguments

_PHASES = {"rank": "ranking users", "draw": "drawing rankings"}


def rate_fairness(root: Path, name: str, options: FairnessOptions, as_json: bool) -> ExitCode:
    """Measure a run's fairness and print table and curve, or the result as JSON. Raises B4RError."""
    run, errors = RunStore(root).find(name), make_console(stderr=True)
    with bars(errors, _PHASES) as told:
        path = measure(run, options, told)
    result = read_json(path)
    if result is None:
        raise B4RError(f"{path}: the result cannot be read; measure again", ExitCode.RUN_FAILED)
    if as_json:
        sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    else:
        _print(result, path, make_console())
    return ExitCode.OK


def measure(run: Run, options: FairnessOptions, told: OnProgress) -> Path:
    """Run the engine's program to its end; the path of its result. Its log is logs/fairness.log. Raises B4RError."""
    arguments = as_arguments(options)
    done = run_program(
        run, "engine.programs.measure_fairness", arguments, "fairness.log", told, lambda _: None
    )
    return Path(done["path"])


def _print(result: dict[str, Any], path: Path, console: Console) -> None:
    for label, value in facts(result).items():
        console.print(f"{label:12} {value}", soft_wrap=True)
    console.print()
    show(fairness_table(result), console)
    console.print()
    for line in curve_lines(result, console.width):
        console.print(line, soft_wrap=True)
    console.print()
    for note in notes(result):
        console.print(f"note         {note}", soft_wrap=True)
    console.print(f"{'result':12} {path}", soft_wrap=True)
    console.print(f"{'picture':12} {_picture([result], path)}", soft_wrap=True)


def _picture(results: list[dict[str, Any]], path: Path) -> str:
    try:
        return str(write_picture(results, path.with_suffix(".svg")))
    except ImportError:
        return "none: it needs matplotlib, which pip install 'b4r-tui[plots]' brings"
