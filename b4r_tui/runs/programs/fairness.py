"""Runs the engine's measurement of fairness."""

from __future__ import annotations

from pathlib import Path

from b4r_tui.runs.programs.process import run_program
from b4r_tui.runs.programs.progress import OnProgress
from b4r_tui.runs.store import Run
from engine.contract.options.fairness import FairnessOptions, as_arguments

PHASES = {"rank": "ranking users", "draw": "sampling rankings"}


def start(run: Run, options: FairnessOptions, on_progress: OnProgress) -> Path:
    """Run the engine's program and return the path of its result. Its log is logs/fairness.log. Raises B4RError."""
    arguments = as_arguments(options)
    done = run_program(run, "engine.programs.measure_fairness", arguments, "fairness.log", on_progress)
    return Path(done["path"])
