"""Reads the axes of a sweep table: the list, choices or range of each swept setting, and their problems."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from b4r_tui.experiments.draft import GROUPS, KeyProblem, Table
from b4r_tui.experiments.file_problem import KeyPath
from b4r_tui.experiments.sweep.options import ChoicesTable, RangeTable, SweepOptions
from b4r_tui.experiments.sweep.spaces import Choices, Range, Space
from engine.contract.config.experiment import Experiment
from engine.contract.config.validation import known_keys, nearest, problems_of

_OPTIONS = list(SweepOptions.model_fields)
_Path = tuple[str, ...]


def axes_of(table: Table, parent: _Path = ()) -> Iterator[tuple[_Path, Any]]:
    """Yield the keys of a sweep, quoted ("training.lr") or not (training.lr), each with its value."""
    for key, value in table.items():
        path = (*parent, key)
        if isinstance(value, dict) and not _is_space(path, value):
            yield from axes_of(value, path)
        else:
            yield path, value


def setting_of(path: _Path) -> _Path:
    """Return the setting that a key of a sweep refers to; a key may be quoted or dotted."""
    key = ".".join(path)
    return ("training", "seed") if key == "seeds" else tuple(key.split("."))


def read_space(path: _Path, value: Any) -> tuple[Space | None, list[KeyProblem]]:
    """Return the space at a key of a sweep, or its problems, with paths relative to the sweep table."""
    setting = setting_of(path)
    if len(setting) < 2 or setting[0] not in GROUPS:
        return None, [KeyProblem(path, _unknown(setting))]
    space, problems = _listed(path, value) if isinstance(value, list) else _from_table(path, value)
    if space is None or problems or path == ("seeds",):
        return space, problems
    return space, list(_value_problems(path, space, isinstance(value, dict)))


def _is_space(path: _Path, table: Table) -> bool:
    """Return whether a table holds the values of one setting; otherwise it is a group of settings."""
    setting = setting_of(path)
    if len(setting) < 2 or setting[:2] == ("launch", "env"):
        return any(key in table for key in ("low", "high", "choices"))
    return not known_keys(Experiment, list(setting))


def _unknown(setting: _Path) -> str:
    suggestion = nearest(setting[0], _OPTIONS)
    hint = f"{suggestion} or " if suggestion.startswith("did you mean") else ""
    return f'unknown key; {hint}write a setting with its group, such as "training.lr", or seeds'


def _listed(path: _Path, values: list[Any]) -> tuple[Space | None, list[KeyProblem]]:
    if not values:
        return None, [KeyProblem(path, "is an empty list; add values or remove it")]
    if len({repr(value) for value in values}) < len(values):
        return None, [KeyProblem(path, "lists a value twice; list each value once")]
    return Choices(tuple(values)), []


def _from_table(path: _Path, value: Any) -> tuple[Space | None, list[KeyProblem]]:
    """Read a space written as a table: {choices = [...]} or {low = ..., high = ...}."""
    if not isinstance(value, dict):
        return None, [KeyProblem(path, f"{value!r} is not a list; write [{value!r}]")]
    model: type[BaseModel] = ChoicesTable if "choices" in value else RangeTable
    try:
        table = model.model_validate(value)
    except ValidationError as error:
        problems = problems_of(error, model)
        return None, [KeyProblem((*path, *problem.key.split(".")), problem.sentence) for problem in problems]
    if isinstance(table, ChoicesTable):
        return _listed((*path, "choices"), table.choices)
    assert isinstance(table, RangeTable)
    return _range(path, table)


def _range(path: _Path, table: RangeTable) -> tuple[Space | None, list[KeyProblem]]:
    kind = _number_kind(setting_of(path))
    if kind is None:
        return None, _problems_with(setting_of(path), path, table.low) or [
            KeyProblem(path, "is not a number, so it has no range; write a list of values")
        ]
    numbers = {"low": table.low, "high": table.high, "step": table.step}
    if kind is int:
        wrong = [key for key, number in numbers.items() if isinstance(number, float)]
        if wrong:
            return None, [KeyProblem((*path, key), f"{numbers[key]} is not a whole number") for key in wrong]
    return Range(table.low, table.high, table.log, table.step, whole=kind is int), []


def _number_kind(setting: _Path) -> type | None:
    """Return int or float if the setting is a number; None if it is something else, or unknown."""
    model: type[BaseModel] | None = Experiment
    kinds: tuple[Any, ...] = ()
    for part in setting:
        field = model.model_fields.get(part) if model else None
        if field is None:
            return None
        union = get_origin(field.annotation) in (Union, types.UnionType)
        kinds = get_args(field.annotation) if union else (field.annotation,)
        model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    return next((kind for kind in (float, int) if kind in kinds), None)


def _value_problems(path: _Path, space: Space, in_table: bool) -> Iterator[KeyProblem]:
    """Yield values that are invalid for the setting whatever the other settings are."""
    if isinstance(space, Choices):
        at = (*path, "choices") if in_table else path
        for value in space.values:
            yield from _problems_with(setting_of(path), at, value)
    else:
        for key, number in (("low", space.low), ("high", space.high)):
            yield from _problems_with(setting_of(path), (*path, key), number)


def _problems_with(setting: _Path, at: KeyPath, value: Any) -> list[KeyProblem]:
    settings: Any = value
    for part in reversed(setting):
        settings = {part: settings}
    try:
        Experiment.model_validate({"name": "any", **settings})
    except ValidationError as error:
        if any(detail["type"] != "setting" for detail in error.errors()):  # else valid with others
            key = ".".join(setting)
            problems = [problem for problem in problems_of(error, Experiment) if problem.key.startswith(key)]
            return [KeyProblem(at, problem.sentence) for problem in problems]
    return []
