"""Runs the engine's evaluation of a checkpoint through torchrun."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

from b4r_tui.runs import processes
from b4r_tui.runs.crash.diagnosis import diagnose
from b4r_tui.runs.programs.progress import OnProgress, follow
from b4r_tui.runs.store import Run
from b4r_tui.runs.summary import write_summary
from b4r_tui.runs.supervision import torchrun
from engine.contract import run_folder
from engine.contract.atomic_files import private
from engine.contract.errors import B4RError, ExitCode
from engine.contract.options.evaluate import EvaluateOptions, as_arguments
from engine.contract.options.evaluate_plan import Evaluation, planned

GRACE_SECONDS = 5.0
PHASES = {
    "test": "testing",
    "popularity": "popularity baseline",
    "markov": "Markov baseline",
    "write": "writing run files",
}


def start(run: Run, options: EvaluateOptions, on_progress: OnProgress) -> Path:
    """Run the engine's evaluation on the ranks that the options or the run's settings ask for; return its metrics.json.

    on_progress: gets phase (a key of PHASES), step and steps; if it raises, the ranks are killed. The log is
    logs/launcher.log in the evaluation's folder. Raises B4RError with a rank's error, or with what ended it.
    """
    options = _absolute(options)
    plan = planned(run.dir, run.config(), options)
    if plan.own and not run.state.ended:
        raise B4RError(
            f"{run.experiment}/{run.run_id} is {run.state} and will evaluate its best checkpoint itself when it "
            "finishes; choose one of its checkpoints with --pth"
        )
    path = _on_ranks(run, plan, options, on_progress)
    if plan.own and (run.dir / run_folder.SUMMARY).exists():
        write_summary(run)
    return path


def _absolute(options: EvaluateOptions) -> EvaluateOptions:
    """Make the paths absolute, so that the same choice has the same name from every folder."""
    data, pth = options.dataset_path, options.pth
    return replace(
        options,
        dataset_path=data and str(Path(data).expanduser().absolute()),
        pth=str(Path(pth).expanduser().absolute()) if pth and "/" in pth else pth,
    )


def _on_ranks(run: Run, plan: Evaluation, options: EvaluateOptions, on_progress: OnProgress) -> Path:
    launch = plan.experiment.launch
    # under a different id from the run's own, whose supervisor kills every process that carries it
    mine = Run(plan.folder, run.experiment, f"{run.run_id}-evaluate-{os.getpid()}")
    command = torchrun.program(
        launch, ["-m", "engine.programs.evaluate", str(run.dir), *as_arguments(options)]
    )
    try:
        mine.log_path().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with private(mine.log_path()) as errors:
            process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=torchrun.environment(mine, launch),
                umask=0o077,
            )
    except OSError as error:
        raise B4RError(f"{error.filename}: {error.strerror or error}", ExitCode.ENVIRONMENT) from error
    try:
        last = follow(process, on_progress)
        code = process.wait()
    finally:
        if process.poll() is None:
            processes.end(process, mine.run_id, GRACE_SECONDS)
        processes.sweep(mine.run_id)
    if code == 0 and last.get("type") == "done":
        return Path(last["path"])
    if last.get("type") == "failed":
        raise B4RError(last["error"], ExitCode(last["code"]))
    raise B4RError(f"{diagnose(mine, code).sentence}; see {mine.log_path()}", ExitCode.RUN_FAILED)
