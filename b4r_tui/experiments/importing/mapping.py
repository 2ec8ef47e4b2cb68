"""Maps a launch of the original to an experiment: its flags, its implicit defaults, and what differs here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ValidationError

from b4r_tui.experiments.importing.flags import FLAGS, Given, read_flags
from b4r_tui.experiments.importing.launcher import Launch
from b4r_tui.experiments.importing.shell import Remark
from engine.contract.config.experiment import Experiment
from engine.contract.config.validation import problems_of

Settings = dict[str, dict[str, Any]]
KNOWN_DATA = ("ml-100k", "ml-1m", "ml-20m", "lt")
ALWAYS: Settings = {
    "data": {"split": "leave-two-out"},
    "model": {"dropout": 0.1, "norm": "pre", "tie_output": False},
    "training": {"loss": "full", "precision": "fp32", "keep_checkpoints": 0},
    "evaluation": {"pth": "best", "every": 1},
}  # what the original does without a flag
_GROUPS = ("data", "model", "training", "evaluation", "launch")


@dataclass(frozen=True)
class Imported:
    """An experiment imported from a command. notes: by line; evaluates: whether the command only evaluated."""

    name: str
    experiment: Experiment
    settings: Settings
    notes: list[Remark]
    evaluates: bool


def import_launch(launch: Launch, name: str, folder: Path) -> Imported:
    """Return the experiment of `launch`. folder: relative paths are rewritten to start there."""
    given = read_flags(launch.arguments)
    notes = [*launch.remarks, *given.remarks]
    evaluates = "eval" in PurePosixPath(launch.script.text).name
    settings = _settings(given, launch)
    notes += _differences(settings, given, evaluates, launch.script.line)
    _move_paths(settings, folder)
    experiment, refused = _accepted(name, settings, given, launch.script.line)
    notes += refused
    ordered = {group: _in_order(group, settings[group]) for group in _GROUPS if settings.get(group)}
    return Imported(name, experiment, ordered, sorted(notes, key=lambda note: note.line), evaluates)


def _in_order(group: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a group in the order of the schema."""
    known = getattr(Experiment.model_fields[group].default, "__pydantic_fields__", {})
    return {key: values[key] for key in known if key in values}


def _settings(given: Given, launch: Launch) -> Settings:
    """Return the values of the original's flags and defaults by group, without empty texts."""
    settings: Settings = {group: {} for group in _GROUPS}
    for flag in FLAGS.values():
        value = given.values.get(flag.name, flag.default)
        if value not in (None, ""):
            settings[flag.group][flag.name] = value
    for group, values in ALWAYS.items():
        settings[group] |= values
    random = settings["data"]["dataset_name"] == "random"
    settings["evaluation"]["protocols"] = ["uniform-10" if random else "popular-100"]
    settings["launch"] |= {"scheduler": "local", **launch.launch}
    if not random:
        settings["data"] = {key: value for key, value in settings["data"].items() if _matters(key, given)}
    return settings


def _matters(key: str, given: Given) -> bool:
    """Return whether a setting applies: sizes of `random` apply to other data only if the command gives them."""
    return not key.startswith("random_") or key in given.values


def _differences(settings: Settings, given: Given, evaluates: bool, line: int) -> Iterator[Remark]:
    """Adapt what the original handles differently, and yield remarks on it."""
    yield from _data(settings["data"], given, line)
    yield from _selection(settings["evaluation"], given, line)
    yield from _checkpoint(settings, given, evaluates, line)
    training = settings["training"]
    if training["weight_decay"]:
        yield Remark(
            given.lines["weight_decay"],
            "--weight_decay: the original adds it to the gradient (Adam); here it is decoupled (AdamW) and skips "
            "biases and norms; tune it again",
        )
    root = training.get("export_root")
    if root and not str(root).endswith("/"):
        yield Remark(
            given.lines["export_root"],
            f"--export_root: the original would write {root}epoch_0_model.pth; {root} is treated as a directory",
        )
    if "env" in settings["launch"]:
        names = ", ".join(settings["launch"]["env"])
        yield Remark(line, f"{names}: moved to launch.env, the environment of the ranks")


def _data(data: dict[str, Any], given: Given, line: int) -> Iterator[Remark]:
    """Set the data set: a folder name that contradicts --dataset_name takes precedence."""
    name, path = data["dataset_name"], data.get("dataset_path")
    if path is None and name in KNOWN_DATA:
        data["dataset_path"] = f"datasets/{name}"
        yield Remark(line, f"no --dataset_path: set to datasets/{name}")
        return
    if path in KNOWN_DATA:
        data["dataset_path"] = f"datasets/{path}"
        yield Remark(
            given.lines["dataset_path"],
            f"--dataset_path {path}: a name instead of a folder; set to datasets/{path}",
        )
    parts = [part.lower().replace("_", "-") for part in PurePosixPath(path or "").parts]
    named = [known for known in KNOWN_DATA if known in parts]
    if named and name not in named and name in KNOWN_DATA:
        data["dataset_name"] = named[-1]
        yield Remark(
            given.lines.get("dataset_name", line),
            f"suspicious: --dataset_name {name} contradicts the folder {path}; "
            f'using dataset_name = "{named[-1]}" after the folder',
        )


def _selection(evaluation: dict[str, Any], given: Given, line: int) -> Iterator[Remark]:
    """Choose a measured metric to select the best epoch by; the original has no best epoch."""
    cutoffs = evaluation["metric_ks"]
    near = 10 if 10 in cutoffs else min(cutoffs, key=lambda k: (abs(k - 10), k))
    evaluation["select_by"] = f"ndcg@{near}"
    if near != 10:
        yield Remark(
            given.lines.get("metric_ks", line),
            f"--metric_ks without 10: the best epoch is selected by ndcg@{near}",
        )


def _checkpoint(settings: Settings, given: Given, evaluates: bool, line: int) -> Iterator[Remark]:
    """Map --pth, which only the original's evaluation reads; its default is a file that training never writes."""
    pth = given.values.get("pth")
    at = given.lines.get("pth", line)
    if pth and pth != FLAGS["pth"].default:
        settings["evaluation"]["pth"] = pth
        if not evaluates:
            yield Remark(at, f"--pth: the original's training ignores it; here the run tests {pth}")
    elif pth or evaluates:
        yield Remark(
            at, "--pth bert4rec_model: training writes no such file; the best epoch is tested instead"
        )
    if evaluates:
        yield Remark(
            line,
            "only evaluates a checkpoint, while launching this experiment trains first; use `b4r-tui evaluate RUN "
            f"--pth {settings['evaluation']['pth']}` on a finished run",
        )


def _move_paths(settings: Settings, folder: Path) -> None:
    """Rewrite relative paths, which start at the working directory of the command, to start at the file."""
    pth = settings["evaluation"].get("pth", "")
    places = [("data", "dataset_path"), ("training", "export_root")]
    for group, key in [*places, *([("evaluation", "pth")] if "/" in pth else [])]:
        path = settings[group].get(key)
        if path and not Path(path).is_absolute() and not path.startswith(("~", "$")):
            settings[group][key] = PurePosixPath(os.path.relpath(path, folder)).as_posix()


def _accepted(name: str, settings: Settings, given: Given, line: int) -> tuple[Experiment, list[Remark]]:
    """Return the experiment, and remarks on invalid settings, replaced by our defaults or by fewer nodes."""
    refused: list[Remark] = []
    while True:
        try:
            return Experiment.model_validate({"name": name, **settings}), refused
        except ValidationError as error:
            problem = problems_of(error, Experiment)[0]
        group, _, key = problem.key.partition(".")
        key = key.partition(".")[0]
        shown = settings.get(group, {}).pop(key, None)
        if shown is None:
            raise AssertionError(f"{problem.key}: {problem.sentence}")  # our defaults are compatible
        instead = _fewer_nodes(shown) if key == "j" else None
        if instead:
            settings[group][key] = instead
        refused.append(
            Remark(
                given.lines.get(key, line),
                f"{group}.{key}: {problem.sentence}; using {instead or 'our default'}",
            )
        )


def _fewer_nodes(j: str) -> str | None:
    nodes, _, ranks = str(j).rpartition("x")
    return f"1x{ranks}" if nodes.rpartition(":")[2] != "1" and ranks.isdecimal() else None
