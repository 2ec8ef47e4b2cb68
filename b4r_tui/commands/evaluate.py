"""`b4r-tui evaluate RUN|FILE.pth`: evaluates a checkpoint and prints its metrics."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from b4r_tui.commands.command import Context, add_json, print_json
from b4r_tui.commands.program_output import progress_bars, read_result
from b4r_tui.experiments.load import load_experiments
from b4r_tui.reports.evaluation import print_result
from b4r_tui.runs.programs.evaluate import PHASES, start
from b4r_tui.runs.store import Run, RunStore, config_text, run_at
from engine.contract import run_folder
from engine.contract.atomic_files import write_text
from engine.contract.config.experiment import Experiment, read_frozen
from engine.contract.errors import B4RError, ExitCode
from engine.contract.options.evaluate import add_options, options_of


@dataclass(frozen=True)
class Target:
    """What to evaluate: a run, and its checkpoint if the name given is that of one."""

    run: Run
    pth: str | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add RUN or FILE.pth, --json, --config and the program's options."""
    parser.add_argument("name", metavar="RUN|FILE.pth")
    add_json(parser)
    parser.add_argument(
        "--config", metavar="TOML", help="settings of FILE.pth: a run's config.toml, or experiments.toml#NAME"
    )
    add_options(parser)


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Evaluate a run or a bare checkpoint and print its table, or the result as JSON. Raises B4RError."""
    name, options = arguments.name, options_of(arguments)
    target = find_target(context.root, name, arguments.config)
    if options.pth and Path(name).suffix == ".pth":
        raise B4RError(f"{name}: is a checkpoint already; omit --pth")
    options = replace(options, pth=options.pth or target.pth)
    with progress_bars(PHASES) as on_progress:
        path = start(target.run, options, on_progress)
    result = read_result(path)
    if arguments.json:
        print_json({**result, "path": str(path)}, ensure_ascii=False)
    else:
        print_result(target.run, result, path, context.console)
    return ExitCode.OK


def find_target(root: Path, name: str, config: str | None) -> Target:
    """Return the run with that name, or a folder created next to a bare checkpoint. Raises B4RError.

    config: for a bare checkpoint, a run's config.toml, or FILE#NAME for an experiment of an experiments file.
    """
    path = Path(name).expanduser().absolute()
    if path.suffix != ".pth" or not path.is_file():
        if config:
            raise B4RError(f"{name}: no such .pth file; --config is only for a bare checkpoint")
        return Target(RunStore(root).find(name))
    if config:
        return Target(bare_run(path, read_settings(config)))
    if path.parent.name == "checkpoints" and (path.parent.parent / run_folder.CONFIG).is_file():
        return Target(run_at(path.parent.parent), path.name)
    raise B4RError(
        f"{name}: a checkpoint does not contain its settings; add --config with a run's config.toml, or with "
        "experiments.toml#NAME"
    )


def read_settings(config: str) -> Experiment:
    """Return the experiment of a frozen config.toml, or of FILE#NAME. Raises B4RError."""
    file, _, name = config.rpartition("#")
    if not file:
        try:
            return read_frozen(Path(config).expanduser())
        except B4RError as error:
            raise B4RError(f"{error.sentence}; select an experiment of a file with FILE#NAME") from error
    return load_experiments(Path(file).expanduser(), [name]).named(name)


def bare_run(path: Path, experiment: Experiment) -> Run:
    """Create the folder `<name>_evaluated` next to the checkpoint, which serves as the checkpoint's run."""
    folder = path.parent / f"{path.stem}_evaluated"
    evaluation = experiment.evaluation.model_copy(update={"pth": str(path)})
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        write_text(
            folder / run_folder.CONFIG, config_text(experiment.model_copy(update={"evaluation": evaluation}))
        )
    except OSError as error:
        raise B4RError(
            f"{folder}: {error.strerror or error}; copy the checkpoint to a writable folder",
            ExitCode.ENVIRONMENT,
        ) from error
    return Run(folder, experiment.name, folder.name)
