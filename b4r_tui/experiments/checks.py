"""What the settings alone cannot tell: whether files are there, and whether this machine can carry a launch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from b4r_tui.machine import cpu_cores, gpu_names, gpus_for
from engine.config import GENERATED_DATASETS, Experiment, LaunchConfig
from engine.errors import ExitCode

PROCESSES_PER_CORE = 4
DATA_FILES = {"ml-100k": "u.data", "ml-1m": "ratings.dat", "ml-20m": "ratings.csv"}
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
    yield from _process_objections(experiment.launch)
    yield from _variable_objections(experiment.launch)


def _data_objections(experiment: Experiment) -> Iterator[Objection]:
    name, path = experiment.data.dataset_name, experiment.data.dataset_path
    if name in GENERATED_DATASETS or not path:
        return
    place, file = Path(path), DATA_FILES[name]
    if not place.exists():
        yield Objection("data.dataset_path", f"no folder {place}; put {name}'s {file} there or mend the path")
    elif place.is_dir() and not (place / file).is_file():
        yield Objection("data.dataset_path", f"no {file} in {place}, which {name} is read from")


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
