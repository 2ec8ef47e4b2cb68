"""Runs all checks and prints them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from b4r_tui.commands.doctor.check import Check
from b4r_tui.commands.doctor.hardware import hardware
from b4r_tui.commands.doctor.site import site
from b4r_tui.commands.doctor.software import software
from b4r_tui.experiments.load import load_experiments
from b4r_tui.reports.table import Column, ReportTable, show, text
from b4r_tui.runs.preflight.check import in_gb
from b4r_tui.runs.preflight.checks import check_launch
from engine.contract.config.experiment import Experiment
from engine.contract.errors import B4RError
from engine.contract.resource_estimate import estimate, known_size

STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red"}


def all_checks(root: Path, file: Path | None) -> list[Check]:
    """Return the checks of this machine, and of the experiments of a file if one is given."""
    checks = [*software(), *hardware(root), *site(root)]
    return checks if file is None else [*checks, *of_file(file, root)]


def print_checks(checks: list[Check], console: Console) -> None:
    """Print a table of all checks, then the fixes."""
    columns = [Column("check"), Column("status"), Column("details")]
    rows = [
        [text(check.name), text(check.status, STYLES[check.status]), text(check.details)] for check in checks
    ]
    show(ReportTable("", columns, rows), console)
    for check in checks:
        if check.fix:
            console.print(text(f"{check.name}: {check.fix}", STYLES[check.status]), soft_wrap=True)


def of_file(file: Path, root: Path) -> Iterator[Check]:
    """Yield the preflight checks of each experiment of a file."""
    try:
        experiments = load_experiments(file).experiments
    except B4RError as error:
        for line in str(error).splitlines():
            yield Check("file", "problem", line, "fix the file")
        return
    for experiment in experiments:
        found = list(check_launch(experiment, root))
        for finding in found:
            yield Check(
                experiment.name, finding.status, f"{finding.key}: {finding.sentence}", "see the check"
            )
        if not found:
            yield Check(experiment.name, "ok", _expected(experiment))


def _expected(experiment: Experiment) -> str:
    size = known_size(experiment)
    if experiment.launch.script or size is None:
        return "memory is not estimated: the size of the data is unknown until it is read"
    expected = estimate(experiment, size)
    ranks = experiment.launch.ranks
    return f"{ranks} x {in_gb(expected.memory)} of memory, {in_gb(expected.checkpoint)} per checkpoint (estimated)"
