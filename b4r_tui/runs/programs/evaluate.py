"""`b4r-tui evaluate RUN`: starts the engine's evaluation through torchrun, shows how far it is, then what it found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from b4r_tui.experiments.load import load_experiments
from b4r_tui.reports.evaluation import print_result
from b4r_tui.reports.table import console as make_console
from b4r_tui.runs import processes
from b4r_tui.runs.crash.diagnosis import diagnose
from b4r_tui.runs.programs.progress import OnProgress, bars, follow
from b4r_tui.runs.store import Run, RunStore, config_text, run_at
from b4r_tui.runs.summary import write_summary
from b4r_tui.runs.supervision import torchrun
from engine.contract import run_folder
from engine.contract.atomic_files import private, read_json, write_text
from engine.contract.config.experiment import Experiment, read_frozen
from engine.contract.errors import B4RError, ExitCode
from engine.contract.options.evaluate import EvaluateOptions, as_arguments
from engine.contract.options.evaluate_plan import Evaluation, planned

GRACE_SECONDS = 5.0
TITLES = {
    "test": "testing",
    "popularity": "popularity baseline",
    "markov": "Markov baseline",
    "write": "writing run files",
}


@dataclass(frozen=True)
class Target:
    """What to evaluate: a run, and which checkpoint of it where that is said by its name."""

    run: Run
    pth: str | None = None


def evaluate_run(
    root: Path, name: str, config: str | None, options: EvaluateOptions, as_json: bool
) -> ExitCode:
    """Evaluate a run or a bare checkpoint and print its table, or the result as JSON. Raises B4RError."""
    target = find_target(root, name, config)
    if options.pth and Path(name).suffix == ".pth":
        raise B4RError(f"{name}: names a checkpoint already; leave out --pth")
    options = replace(options, pth=options.pth or target.pth)
    with bars(make_console(stderr=True), TITLES) as told:
        path = measure(target.run, options, told)
    result = read_json(path)
    if result is None:
        raise B4RError(f"{path}: the result cannot be read; evaluate again", ExitCode.RUN_FAILED)
    if as_json:
        sys.stdout.write(json.dumps({**result, "path": str(path)}, ensure_ascii=False) + "\n")
    else:
        print_result(target.run, result, path, make_console())
    return ExitCode.OK


def measure(run: Run, options: EvaluateOptions, told: OnProgress) -> Path:
    """Run the engine's evaluation on the ranks that the options or the run's settings ask for; its metrics.json.

    told: gets phase (a key of TITLES), step and steps; if it raises, the ranks are ended. The log is
    logs/launcher.log in the evaluation's folder.
    Raises B4RError with what a rank says, or with what ended it if it says nothing.
    """
    options = _absolute(options)
    plan = planned(run.dir, run.config(), options)
    if plan.own and not run.state.ended:
        raise B4RError(
            f"{run.experiment}/{run.run_id} is {run.state} and tests its best checkpoint by itself at its end; "
            "choose one of its checkpoints with --pth"
        )
    path = _on_ranks(run, plan, options, told)
    if plan.own and (run.dir / run_folder.SUMMARY).exists():
        write_summary(run)
    return path


def find_target(root: Path, name: str, config: str | None) -> Target:
    """The run meant by `name`, or a folder made beside a bare checkpoint. Raises B4RError.

    config: for a bare checkpoint, a run's config.toml, or FILE#NAME for an experiment of an experiments file.
    """
    path = Path(name).expanduser().absolute()
    if path.suffix != ".pth" or not path.is_file():
        if config:
            raise B4RError(f"{name}: no such .pth file; --config goes with a bare checkpoint only")
        return Target(RunStore(root).find(name))
    if config:
        return Target(bare_run(path, read_settings(config)))
    if path.parent.name == "checkpoints" and (path.parent.parent / run_folder.CONFIG).is_file():
        return Target(run_at(path.parent.parent), path.name)
    raise B4RError(
        f"{name}: a checkpoint alone does not tell its settings; add --config with a run's config.toml, or with "
        "experiments.toml#NAME"
    )


def read_settings(config: str) -> Experiment:
    """The experiment of a frozen config.toml, or of FILE#NAME. Raises B4RError."""
    file, _, name = config.rpartition("#")
    if not file:
        try:
            return read_frozen(Path(config).expanduser())
        except B4RError as error:
            raise B4RError(f"{error.sentence}; of an experiments file, name one with FILE#NAME") from error
    return load_experiments(Path(file).expanduser(), [name]).named(name)


def bare_run(path: Path, experiment: Experiment) -> Run:
    """A folder beside the checkpoint, `<name>_evaluated`, that stands for a run whose own checkpoint it is."""
    folder = path.parent / f"{path.stem}_evaluated"
    evaluation = experiment.evaluation.model_copy(update={"pth": str(path)})
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        write_text(
            folder / run_folder.CONFIG, config_text(experiment.model_copy(update={"evaluation": evaluation}))
        )
    except OSError as error:
        raise B4RError(
            f"{folder}: {error.strerror or error}; copy the checkpoint to a folder that can be written",
            ExitCode.ENVIRONMENT,
        ) from error
    return Run(folder, experiment.name, folder.name)


def _absolute(options: EvaluateOptions) -> EvaluateOptions:
    """Paths as they are from anywhere, so that the same choice has the same name."""
    data, pth = options.dataset_path, options.pth
    return replace(
        options,
        dataset_path=data and str(Path(data).expanduser().absolute()),
        pth=str(Path(pth).expanduser().absolute()) if pth and "/" in pth else pth,
    )


def _on_ranks(run: Run, plan: Evaluation, options: EvaluateOptions, told: OnProgress) -> Path:
    launch = plan.experiment.launch
    # under another id than the run's own, whose supervisor ends all that carries it
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
        last = follow(process, told)
        code = process.wait()
    finally:
        if process.poll() is None:
            processes.end(process, mine.run_id, GRACE_SECONDS)
        processes.sweep(mine.run_id)
    if code == 0 and last.get("type") == "done":
        return Path(last["path"])
    if last.get("type") == "failed":
        raise B4RError(last["error"], ExitCode(last["code"]))
    raise B4RError(f"{diagnose(mine, code).sentence}; {mine.log_path()} says more", ExitCode.RUN_FAILED)
