"""Compares a run's frozen settings with the defaults, with its experiment as it is now, and with the parent."""

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
    """A setting by its dotted key: its value in the run, and in the other settings."""

    key: str
    here: str
    there: str


@dataclass(frozen=True)
class ConfigDiff:
    """The settings that differ from other ones, named by the title. missing: why there is no comparison."""

    title: str
    changes: tuple[Change, ...] = ()
    missing: str = ""


def config_diffs(run: Run, file: Path) -> list[ConfigDiff]:
    """Return the run vs. the defaults, its experiment in the file now, and the parent. Raises B4RError."""
    values = settings_of(run.config())
    defaults = {key: SETTINGS[key].default for key in values}
    return [
        ConfigDiff("the defaults", changes(values, defaults)),
        _with_experiment(values, f"{run.experiment} as it is in the file now", run.experiment, file),
        _with_parent(values, run.experiment, file),
    ]


def changes(values: dict[str, Any], others: dict[str, Any]) -> tuple[Change, ...]:
    """Return the settings that differ, in the order of the settings."""
    return tuple(
        Change(key, _shown(values.get(key)), _shown(others.get(key)))
        for key in SETTINGS
        if values.get(key) != others.get(key)
    )


def settings_of(experiment: Experiment) -> dict[str, Any]:
    """Return all settings by dotted key; those of an absent table, such as early stopping, are omitted."""
    dumped = experiment.model_dump()
    tables = {key: _inner(dumped, setting.path[:-1]) for key, setting in SETTINGS.items()}
    return {key: table.get(SETTINGS[key].path[-1]) for key, table in tables.items() if table is not None}


def parent_of(file: Path, name: str) -> str | None:
    """Return what the experiment extends, None if nothing. Raises B4RError, OSError and tomli.TOMLDecodeError."""
    document = tomli.loads(file.read_text(encoding="utf-8"))
    bases = {draft.name: draft.base for draft in expand(document)[0]}
    table = document.get("experiments", {}).get(bases.get(name, name), {})
    return table.get("extends") if isinstance(table, dict) else None


def _with_experiment(values: dict[str, Any], title: str, name: str, file: Path) -> ConfigDiff:
    try:
        return ConfigDiff(title, changes(values, settings_of(load_experiments(file).named(name))))
    except B4RError as error:
        return ConfigDiff(title, missing=error.sentence.partition("\n")[0])


def _with_parent(values: dict[str, Any], name: str, file: Path) -> ConfigDiff:
    try:
        parent = parent_of(file, name)
    except (B4RError, OSError, tomli.TOMLDecodeError):
        return ConfigDiff("the parent", missing=f"{file.name} cannot be read")
    if not isinstance(parent, str):
        return ConfigDiff("the parent", missing=f"{name} does not extend another experiment")
    return _with_experiment(values, f"the parent {parent}", parent, file)


def _inner(table: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        table = table.get(part) if isinstance(table, dict) else None
    return table


def _shown(value: Any) -> str:
    return "not set" if value is None else str(value)
