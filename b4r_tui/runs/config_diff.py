"""What a run's frozen settings differ in from the defaults, from its experiment as it is now, and from the parent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli

from b4r_tui.experiments.expand import expand
from b4r_tui.experiments.load import load_experiments
from b4r_tui.experiments.settings import SETTINGS
from b4r_tui.runs.store import Run
from engine.contract.config.experiment import Experiment
from engine.contract.errors import B4RError


@dataclass(frozen=True)
class Change:
    """A setting by its dotted key: its value in the run, and in what it is compared with."""

    key: str
    here: str
    there: str


@dataclass(frozen=True)
class Comparison:
    """What the run is compared with, and all that differs. missing: why it can't be, instead."""

    title: str
    changes: tuple[Change, ...] = ()
    missing: str = ""


def compared(run: Run, file: Path) -> list[Comparison]:
    """The run beside the defaults, its experiment in the file now, and the parent. Raises B4RError."""
    values = settings_of(run.config())
    defaults = {key: SETTINGS[key].default for key in values}
    return [
        Comparison("the defaults", changes(values, defaults)),
        _with_experiment(values, f"{run.experiment} as the file has it now", run.experiment, file),
        _with_parent(values, run.experiment, file),
    ]


def changes(values: dict[str, Any], others: dict[str, Any]) -> tuple[Change, ...]:
    """The settings that differ, in the order of the settings."""
    return tuple(
        Change(key, _said(values.get(key)), _said(others.get(key)))
        for key in SETTINGS
        if values.get(key) != others.get(key)
    )


def settings_of(experiment: Experiment) -> dict[str, Any]:
    """All settings by dotted key; those of a table that is not there, such as early stopping, are left out."""
    dumped = experiment.model_dump()
    tables = {key: _inner(dumped, setting.path[:-1]) for key, setting in SETTINGS.items()}
    return {key: table.get(SETTINGS[key].path[-1]) for key, table in tables.items() if table is not None}


def parent_of(file: Path, name: str) -> str | None:
    """What the experiment extends, None where nothing. Raises B4RError, OSError and tomli.TOMLDecodeError."""
    document = tomli.loads(file.read_text(encoding="utf-8"))
    bases = {draft.name: draft.base for draft in expand(document)[0]}
    table = document.get("experiments", {}).get(bases.get(name, name), {})
    return table.get("extends") if isinstance(table, dict) else None


def _with_experiment(values: dict[str, Any], title: str, name: str, file: Path) -> Comparison:
    try:
        return Comparison(title, changes(values, settings_of(load_experiments(file).named(name))))
    except B4RError as error:
        return Comparison(title, missing=error.sentence.partition("\n")[0])


def _with_parent(values: dict[str, Any], name: str, file: Path) -> Comparison:
    try:
        parent = parent_of(file, name)
    except (B4RError, OSError, tomli.TOMLDecodeError):
        return Comparison("the parent", missing=f"{file.name} cannot be read")
    if not isinstance(parent, str):
        return Comparison("the parent", missing=f"{name} extends no other experiment")
    return _with_experiment(values, f"the parent {parent}", parent, file)


def _inner(table: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        table = table.get(part) if isinstance(table, dict) else None
    return table


def _said(value: Any) -> str:
    return "not set" if value is None else str(value)
