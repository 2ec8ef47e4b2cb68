"""Runs all checks and prints them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from b4r_tui.commands.doctor.check import Check
from b4r_tui.commands.doctor.hardware import hardware
from b4r_tui.commands.doctor.site import surroundings
from b4r_tui.commands.doctor.software import software
from b4r_tui.experiments.load import load_experiments
from b4r_tui.reports.table import Column, ReportTable, show, text
from b4r_tui.reports.table import console as make_console
from b4r_tui.runs.preflight.check import in_gb
from b4r_tui.runs.preflight.checks import check_launch
from engine.contract.config.experiment import Experiment
from engine.contract.errors import B4RError, ExitCode
from engine.contract.resource_estimate import estimate, known_size

STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red"}


def doctor(arguments: argparse.Namespace, root: Path) -> ExitCode:
    """Print what was found, with mends; 0 where nothing is a problem, else 3."""
    checks = [*software(), *hardware(root), *surroundings(root)]
    if arguments.path is not None:
        checks += of_file(arguments.path, root)
    if arguments.json:
        sys.stdout.write(json.dumps([check.as_json() for check in checks]) + "\n")
    else:
        _print(checks)
    return ExitCode.ENVIRONMENT if any(check.status == "problem" for check in checks) else ExitCode.OK


def of_file(file: Path, root: Path) -> Iterator[Check]:
    """The pre-flight of each experiment in a file."""
    try:
        experiments = load_experiments(file).experiments
    except B4RError as error:
        for line in str(error).splitlines():
            yield Check("file", "problem", line, "mend what it names")
        return
    for experiment in experiments:
        found = list(check_launch(experiment, root))
        for finding in found:
            yield Check(experiment.name, finding.status, f"{finding.key}: {finding.sentence}", "as it says")
        if not found:
            yield Check(experiment.name, "ok", _expected(experiment))


def _expected(experiment: Experiment) -> str:
    size = known_size(experiment)
    if experiment.launch.script or size is None:
        return "memory is not estimated: only reading tells how large its data are"
    expected = estimate(experiment, size)
    ranks = experiment.launch.ranks
    return f"{ranks} x {in_gb(expected.memory)} of memory, {in_gb(expected.checkpoint)} a checkpoint, as estimated"


def _print(checks: list[Check]) -> None:
    columns = [Column("check"), Column("status"), Column("found")]
    rows = [
        [text(check.name), text(check.status, STYLES[check.status]), text(check.found)] for check in checks
    ]
    console = make_console()
    show(ReportTable("", columns, rows), console)
    for check in checks:
        if check.mend:
            console.print(text(f"{check.name}: {check.mend}", STYLES[check.status]), soft_wrap=True)
