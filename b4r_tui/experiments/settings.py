"""All settings of `engine.contract.config` as a form needs them: type, choices, range, default and help."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from b4r_tui.experiments.expand import GROUPS
from engine.contract.config.experiment import Experiment

_WORDS = {
    "int": "whole number",
    "float": "number",
    "bool": "on or off",
    "list": "list",
    "text": "text",
    "axis": "list of values",
    "extends": "name of another experiment",
}
_LIMITS = (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than"))
_NO_LIMIT = 2**62  # bounds beyond it come from machine integers and are not shown


@dataclass(frozen=True)
class Setting:
    """One setting. key: dotted, starting with its group. kind: bool, choice, int, float, list, table or text.

    item: kind of the items of a list. text_too: whether a number may also be text, such as the name of a column.
    """

    key: str
    kind: str
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    limits: str = ""
    item: str = "text"
    text_too: bool = False

    @property
    def group(self) -> str:
        """Return the group of the setting."""
        return self.key.partition(".")[0]

    @property
    def label(self) -> str:
        """Return its key within the group."""
        return self.key.partition(".")[2]

    @property
    def path(self) -> tuple[str, ...]:
        """Return the parts of its key."""
        return tuple(self.key.split("."))

    @property
    def about(self) -> str:
        """Return what values it takes, such as `whole number, 2 to 10000`."""
        if self.choices:
            return " | ".join(self.choices)
        kind = {"list": f"list of {_WORDS[self.item]}s", "table": "table: NAME = value, ..."}
        word = kind.get(self.kind) or _WORDS[self.kind]
        if self.text_too and self.kind != "text":
            word += " or text"
        return ", ".join(part for part in (word, self.limits) if part)


def _settings() -> Iterator[Setting]:
    for group in GROUPS:
        model = Experiment.model_fields[group].annotation
        assert isinstance(model, type) and issubclass(model, BaseModel)
        yield from settings_of(model, group)


def settings_of(model: type[BaseModel], parent: str) -> Iterator[Setting]:
    """Yield the settings of a model and of its nested models; parent: the dotted key that contains them."""
    for name, field in model.model_fields.items():
        key = f"{parent}.{name}"
        kinds = _kinds(field.annotation)
        inner = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if inner:
            yield from settings_of(inner[0], key)
        else:
            yield _setting(key, field, kinds)


def _setting(key: str, field: FieldInfo, kinds: list[Any]) -> Setting:
    choices = tuple(str(choice) for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind))
    plain = [kind for kind in kinds if get_origin(kind) is not Literal]
    kind, item = ("choice", "text") if choices and not plain else _kind(plain[0])
    default = field.get_default(call_default_factory=True)
    return Setting(
        key,
        kind,
        default,
        field.description or "",
        choices if kind == "choice" else (),
        _limits(field),
        item,
        str in plain or bool(choices and plain),
    )


def _kinds(annotation: Any) -> list[Any]:
    """Return the members of a union except None; for other annotations the annotation itself."""
    if get_origin(annotation) in (Union, types.UnionType):
        return [kind for kind in get_args(annotation) if kind is not type(None)]
    return [annotation]


def _kind(kind: Any) -> tuple[str, str]:
    """Return the kind of a setting, and of its items."""
    if get_origin(kind) is list:
        item = get_args(kind)[0]
        return "list", _kind(get_args(item)[0] if get_origin(item) not in (None, list, dict) else item)[0]
    if get_origin(kind) is dict:
        return "table", "text"
    return {bool: "bool", int: "int", float: "float"}.get(kind, "text"), "text"


def _limits(field: FieldInfo) -> str:
    """Return the range of a number, such as `2 to 64`."""
    limits = {
        name: limit
        for each in field.metadata
        for name, _ in _LIMITS
        if (limit := getattr(each, name, None)) is not None and limit < _NO_LIMIT
    }
    steps = [f"a multiple of {each.multiple_of}" for each in field.metadata if hasattr(each, "multiple_of")]
    if {"ge", "le"} <= limits.keys():
        ranges = [f"{_number(limits['ge'])} to {_number(limits['le'])}"]
    else:
        ranges = [f"{word} {_number(limits[name])}" for name, word in _LIMITS if name in limits]
    return ", ".join([*ranges, *steps])


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


SETTINGS = {setting.key: setting for setting in _settings()}
