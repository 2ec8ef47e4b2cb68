"""What the settings alone cannot tell: whether files are there, and whether this machine can carry a launch."""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from b4r_tui.common.machine import cpu_cores, gpu_names, gpus_for
from engine.contract.config.data import GENERATED_DATASETS, Columns
from engine.contract.config.experiment import Experiment
from engine.contract.config.launch import LaunchConfig
from engine.contract.config.validation import nearest
from engine.contract.data_files import CUSTOM_EXTENSIONS, DATA_FILES, candidates
from engine.contract.data_header import first_names
from engine.contract.errors import B4RError, ExitCode

PROCESSES_PER_CORE = 4
_SHOWN_COLUMNS = 12
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OURS = re.compile(r"B4R_")


@dataclass(frozen=True)
class Objection:
    """Why an experiment cannot run here: the setting, a sentence, and whether input or machine is to mend."""

    key: str
    sentence: str
    code: ExitCode = ExitCode.BAD_INPUT


def objections(experiment: Experiment) -> Iterator[Objection]:
    """All reasons why `experiment` cannot run on this machine now."""
    yield from _data_objections(experiment)
    yield from _file_objections(experiment)
    if experiment.launch.is_local:
        yield from _process_objections(experiment.launch)
    else:
        yield from _cluster_objections(experiment.launch)
    yield from _variable_objections(experiment.launch)
    yield from _tracker_objections(experiment.launch)


def _data_objections(experiment: Experiment) -> Iterator[Objection]:
    name, path = experiment.data.dataset_name, experiment.data.dataset_path
    if name in GENERATED_DATASETS or not path:
        return
    if sentence := _missing_data(name, Path(path)):
        yield Objection("data.dataset_path", sentence)
    elif name == "csv" and experiment.data.columns:
        yield from _column_objections(experiment.data.columns, Path(path))


def _column_objections(columns: Columns, place: Path) -> Iterator[Objection]:
    """Columns that are named, or numbered, but not in the data file, as far as its first line tells."""
    try:
        file = candidates(place, "csv")[0] if place.is_dir() else place
        names = first_names(file)
    except OSError as error:
        yield Objection("data.dataset_path", f"{place} cannot be read ({error.strerror or error})")
        return
    except B4RError as error:
        yield Objection("data.dataset_path", error.sentence)
        return
    for kind, column in columns:
        if names and (sentence := _no_column(column, names)):
            yield Objection(f"data.columns.{kind}", f"{file} {sentence}")


def _no_column(column: int | str | None, names: list[str]) -> str | None:
    if isinstance(column, int) and column >= len(names):
        return f"has {len(names)} columns, so none at position {column} counted from 0"
    if not isinstance(column, str) or column in names:
        return None
    shown = ", ".join(names[:_SHOWN_COLUMNS]) + (", ..." if len(names) > _SHOWN_COLUMNS else "")
    hint = nearest(column, names)
    near = f"; {hint}" if hint.startswith("did you mean") else "; name one of them"
    return f"has no column {column!r} (there are {shown}){near}"


def _missing_data(name: str, place: Path) -> str | None:
    """Why the data set cannot be read from `place`, as far as names of files tell."""
    file = DATA_FILES.get(name, "data file")
    try:
        if not place.exists():
            return f"no folder {place}; put {name}'s {file} there or mend the path"
        found = candidates(place, name) if place.is_dir() else [place]
    except OSError as error:
        return f"{place} cannot be read ({error.strerror or error}); check its permissions"
    except B4RError as error:
        return error.sentence
    if not found:
        endings = "" if name in DATA_FILES else f" ({', '.join(CUSTOM_EXTENSIONS)})"
        return f"no {file}{endings} in {place}, which {name} is read from"
    if len(found) > 1:
        return f"{len(found)} data files in {place}; name one of them, such as {found[0]}"
    return None


def _file_objections(experiment: Experiment) -> Iterator[Objection]:
    script, pth = experiment.launch.script, experiment.evaluation.pth
    if script and not Path(script).is_file():
        yield Objection("launch.script", f"no file {script}")
    if "/" in pth and not Path(pth).exists():
        yield Objection("evaluation.pth", f"no checkpoint {pth}")
    root = experiment.training.export_root
    if root and Path(root).exists() and not Path(root).is_dir():
        yield Objection("training.export_root", f"{root} is a file; name a folder")


def _process_objections(launch: LaunchConfig) -> Iterator[Objection]:
    wanted, found = gpus_for(launch), len(gpu_names())
    if wanted > found:
        there = f"{found} can be used here" if found else "none can be used here"
        yield Objection(
            "launch.gpu", f"{wanted} GPUs wanted, {there}; use {found or 'gpu = 0'}", ExitCode.ENVIRONMENT
        )
    if 0 < wanted < launch.processes:
        yield Objection(
            "launch.gpu",
            f"{launch.processes} processes need a GPU each, not {wanted}; mend j, or use gpu = 0 for CPU",
        )
    most = PROCESSES_PER_CORE * cpu_cores()
    if not wanted and launch.processes > most:
        yield Objection(
            "launch.j",
            f"{launch.processes} processes on {cpu_cores()} CPU cores would only wait; use 1x{most} or less",
        )


def _cluster_objections(launch: LaunchConfig) -> Iterator[Objection]:
    """Programs that a launch on other machines needs on this one."""
    needs = {"slurm": ("sbatch", "scontrol", "scancel"), "local": ("ssh",)}.get(launch.scheduler, ())
    missing = [program for program in needs if shutil.which(program) is None]
    if missing and launch.scheduler == "slurm":
        yield Objection(
            "launch.scheduler",
            f"no program {missing[0]} here; launch on a machine of the Slurm cluster",
            ExitCode.ENVIRONMENT,
        )
    elif missing:
        yield Objection(
            "launch.hosts", "no program ssh here, which starts the hosts; install it", ExitCode.ENVIRONMENT
        )
    elif launch.scheduler.startswith("torchx:") and find_spec("torchx") is None:
        yield Objection(
            "launch.scheduler",
            "TorchX is not installed; pip install 'b4r-tui[torchx]'",
            ExitCode.ENVIRONMENT,
        )


def _variable_objections(launch: LaunchConfig) -> Iterator[Objection]:
    for name, value in launch.env.items():
        if not _VARIABLE.fullmatch(name) or "\0" in value:
            yield Objection(
                f"launch.env.{name}", "cannot be an environment variable; use letters, digits and _"
            )
        elif _OURS.match(name):
            yield Objection(
                f"launch.env.{name}", "starts with B4R_, which the launcher sets itself; rename it"
            )


def _tracker_objections(launch: LaunchConfig) -> Iterator[Objection]:
    for kind in launch.trackers:
        if importlib.util.find_spec(kind) is None:
            sentence = f"{kind} is not installed; pip install 'b4r-tui[{kind}]' brings it"
            yield Objection("launch.trackers", sentence, ExitCode.ENVIRONMENT)
