"""Checks beyond the settings themselves: whether files exist, and whether this machine can run the launch."""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from b4r_tui.common.machine import cpu_cores, gpu_names, gpus_for
from engine.contract.config.data import GENERATED_DATASETS, Columns
from engine.contract.config.experiment import Experiment
from engine.contract.config.launch import LaunchConfig
from engine.contract.config.validation import Problem, nearest
from engine.contract.data_files import CUSTOM_EXTENSIONS, DATA_FILES, candidates
from engine.contract.data_header import first_names
from engine.contract.errors import B4RError, ExitCode

PROCESSES_PER_CORE = 4
_SHOWN_COLUMNS = 12
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OURS = re.compile(r"B4R_")


def problems_here(experiment: Experiment) -> Iterator[Problem]:
    """Yield all reasons why `experiment` cannot run on this machine now."""
    yield from _data_problems(experiment)
    yield from _file_problems(experiment)
    if experiment.launch.is_local:
        yield from _process_problems(experiment.launch)
    else:
        yield from _cluster_problems(experiment.launch)
    yield from _variable_problems(experiment.launch)
    yield from _tracker_problems(experiment.launch)


def _data_problems(experiment: Experiment) -> Iterator[Problem]:
    name, path = experiment.data.dataset_name, experiment.data.dataset_path
    if name in GENERATED_DATASETS or not path:
        return
    if sentence := _missing_data(name, Path(path)):
        yield Problem("data.dataset_path", sentence)
    elif name == "csv" and experiment.data.columns:
        yield from _column_problems(experiment.data.columns, Path(path))


def _column_problems(columns: Columns, place: Path) -> Iterator[Problem]:
    """Yield columns given by name or position that the first line of the data file does not have."""
    try:
        file = candidates(place, "csv")[0] if place.is_dir() else place
        names = first_names(file)
    except OSError as error:
        yield Problem("data.dataset_path", f"{place} cannot be read ({error.strerror or error})")
        return
    except B4RError as error:
        yield Problem("data.dataset_path", error.sentence)
        return
    for kind, column in columns:
        if names and (sentence := _no_column(column, names)):
            yield Problem(f"data.columns.{kind}", f"{file} {sentence}")


def _no_column(column: int | str | None, names: list[str]) -> str | None:
    if isinstance(column, int) and column >= len(names):
        return f"has {len(names)} columns, none at position {column} (counted from 0)"
    if not isinstance(column, str) or column in names:
        return None
    shown = ", ".join(names[:_SHOWN_COLUMNS]) + (", ..." if len(names) > _SHOWN_COLUMNS else "")
    hint = nearest(column, names)
    near = f"; {hint}" if hint.startswith("did you mean") else "; name one of them"
    return f"has no column {column!r} (columns: {shown}){near}"


def _missing_data(name: str, place: Path) -> str | None:
    """Return why the data set cannot be read from `place`, judged by file names; None if it can."""
    file = DATA_FILES.get(name, "data file")
    try:
        if not place.exists():
            return f"not found: {place}; put {file} of {name} there, or fix the path"
        files = candidates(place, name) if place.is_dir() else [place]
    except OSError as error:
        return f"{place} cannot be read ({error.strerror or error}); check its permissions"
    except B4RError as error:
        return error.sentence
    if not files:
        extensions = "" if name in DATA_FILES else f" ({', '.join(CUSTOM_EXTENSIONS)})"
        return f"no {file}{extensions} in {place}, which {name} needs"
    if len(files) > 1:
        return f"{len(files)} data files in {place}; name one of them, such as {files[0]}"
    return None


def _file_problems(experiment: Experiment) -> Iterator[Problem]:
    script, pth = experiment.launch.script, experiment.evaluation.pth
    if script and not Path(script).is_file():
        yield Problem("launch.script", f"not found: {script}")
    if "/" in pth and not Path(pth).exists():
        yield Problem("evaluation.pth", f"not found: {pth}")
    root = experiment.training.export_root
    if root and Path(root).exists() and not Path(root).is_dir():
        yield Problem("training.export_root", f"{root} is a file; name a folder")


def _process_problems(launch: LaunchConfig) -> Iterator[Problem]:
    wanted, available = gpus_for(launch), len(gpu_names())
    if wanted > available:
        usable = f"{available} available here" if available else "none available here"
        yield Problem(
            "launch.gpu",
            f"{wanted} GPUs requested, {usable}; use {available or 'gpu = 0'}",
            ExitCode.ENVIRONMENT,
        )
    if 0 < wanted < launch.processes:
        yield Problem(
            "launch.gpu",
            f"{launch.processes} processes need one GPU each, not {wanted}; change j, or use gpu = 0 for CPU",
        )
    most = PROCESSES_PER_CORE * cpu_cores()
    if not wanted and launch.processes > most:
        yield Problem(
            "launch.j",
            f"{launch.processes} processes are too many for {cpu_cores()} CPU cores; use 1x{most} or fewer",
        )


def _cluster_problems(launch: LaunchConfig) -> Iterator[Problem]:
    """Yield programs missing on this machine that a launch on other machines needs."""
    needs = {"slurm": ("sbatch", "scontrol", "scancel"), "local": ("ssh",)}.get(launch.scheduler, ())
    missing = [program for program in needs if shutil.which(program) is None]
    if missing and launch.scheduler == "slurm":
        yield Problem(
            "launch.scheduler",
            f"{missing[0]} not found; launch from a machine of the Slurm cluster",
            ExitCode.ENVIRONMENT,
        )
    elif missing:
        yield Problem(
            "launch.hosts",
            "ssh not found; install it, since it starts the processes on the hosts",
            ExitCode.ENVIRONMENT,
        )
    elif launch.scheduler.startswith("torchx:") and find_spec("torchx") is None:
        yield Problem(
            "launch.scheduler",
            "TorchX is not installed; run pip install 'b4r-tui[torchx]'",
            ExitCode.ENVIRONMENT,
        )


def _variable_problems(launch: LaunchConfig) -> Iterator[Problem]:
    for name, value in launch.env.items():
        if not _VARIABLE.fullmatch(name) or "\0" in value:
            yield Problem(
                f"launch.env.{name}", "is not a valid environment variable; use letters, digits and _"
            )
        elif _OURS.match(name):
            yield Problem(f"launch.env.{name}", "B4R_ is reserved for the launcher; rename it")


def _tracker_problems(launch: LaunchConfig) -> Iterator[Problem]:
    for kind in launch.trackers:
        if importlib.util.find_spec(kind) is None:
            sentence = f"{kind} is not installed; run pip install 'b4r-tui[{kind}]'"
            yield Problem("launch.trackers", sentence, ExitCode.ENVIRONMENT)
