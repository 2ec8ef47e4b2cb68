"""`b4r-tui export-model RUN`: has the engine write a model file, and says how it was checked."""

from __future__ import annotations

from pathlib import Path

from b4r_tui.reports.model_export import facts
from b4r_tui.reports.table import console as make_console
from b4r_tui.runs.programs.process import run_program
from b4r_tui.runs.programs.progress import OnProgress
from b4r_tui.runs.store import Run, RunStore
from engine.contract.atomic_files import read_json
from engine.contract.errors import B4RError, ExitCode
from engine.contract.options.export_model import ExportOptions, as_arguments


def export_model(root: Path, name: str, options: ExportOptions) -> ExitCode:
    """Export a run's model and print what was written and how it was checked. Raises B4RError."""
    path = measure(RunStore(root).find(name), options, lambda *_: None)
    record = read_json(path)
    if record is None:
        raise B4RError(f"{path}: the record cannot be read; export again", ExitCode.RUN_FAILED)
    console = make_console()
    for label, value in facts(record).items():
        console.print(f"{label:12} {value}", soft_wrap=True)
    return ExitCode.OK


def measure(run: Run, options: ExportOptions, told: OnProgress) -> Path:
    """Run the engine's program; the path of its record in the run's folder `exports/`. Raises B4RError."""
    done = run_program(
        run, "engine.programs.export_model", as_arguments(options), "export_model.log", told, lambda _: None
    )
    return Path(done["path"])
