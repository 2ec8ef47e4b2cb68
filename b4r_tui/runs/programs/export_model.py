"""Runs the engine's export of a model."""

from __future__ import annotations

from pathlib import Path

from b4r_tui.runs.programs.process import run_program
from b4r_tui.runs.programs.progress import OnProgress
from b4r_tui.runs.store import Run
from engine.contract.options.export_model import ModelExport, as_arguments


def start(run: Run, options: ModelExport, on_progress: OnProgress) -> Path:
    """Run the engine's program and return the path of its record in the run's folder `exports/`. Raises B4RError."""
    arguments = as_arguments(options)
    done = run_program(run, "engine.programs.export_model", arguments, "export_model.log", on_progress)
    return Path(done["path"])
