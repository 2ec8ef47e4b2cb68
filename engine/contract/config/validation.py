"""Turns pydantic's validation errors into sentences a person can act on."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from engine.contract.errors import ExitCode

_TYPE_NAMES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "a text in quotes",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}


@dataclass(frozen=True)
class Problem:
    """A problem with a setting: its dotted key, and a sentence with the fix. code: input or machine at fault."""

    key: str
    sentence: str
    code: ExitCode = ExitCode.BAD_INPUT


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """The problems in a pydantic error about `model`, in its order, at most one a key."""
    problems: dict[str, Problem] = {}
    for detail in error.errors(include_url=False):
        context = detail.get("ctx", {})
        path = [part for part in detail["loc"] if _is_key(part)]
        key = context.get("key") or ".".join(str(part) for part in path)
        problems.setdefault(key, Problem(key, _sentence(dict(detail), context, model, path)))
    return list(problems.values())


def known_keys(model: type[BaseModel], path: list[Any]) -> list[str]:
    """Names of the settings in the group that `path` leads to, or [] where it leads to none."""
    for part in path:
        field = model.model_fields.get(str(part))
        groups = [kind for kind in _kinds(field.annotation if field else None) if _is_model(kind)]
        if not groups:
            return []
        model = groups[0]
    return list(model.model_fields)


def nearest(name: str, known: list[str]) -> str:
    """`; did you mean X?` where a known name is close, otherwise the list of what is known."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"known here: {', '.join(known)}" if known else "remove it"


def _sentence(
    detail: dict[str, Any], context: dict[str, Any], model: type[BaseModel], path: list[Any]
) -> str:
    kind, value = detail["type"], detail.get("input")
    if kind == "extra_forbidden":
        return f"unknown key; {nearest(str(path[-1]), known_keys(model, path[:-1]))}"
    if kind == "setting":
        return str(detail["msg"])
    if kind == "missing":
        return "is missing; set it"
    if kind == "literal_error":
        return f"{_shown(value)} is no choice; use {context['expected'].replace(chr(39), '')}"
    if kind in _TYPE_NAMES:
        return f"{_shown(value)} is not {_TYPE_NAMES[kind]}"
    said = str(detail["msg"]).removeprefix("Input ").replace("should be", "must be")
    return f"{_shown(value)} {said[:1].lower()}{said[1:]}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = "a table" if isinstance(value, dict) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _is_key(part: Any) -> bool:
    """Whether a part of pydantic's location is a key or index, not the name of a union's member."""
    return isinstance(part, int) or not (part in {"int", "float", "str"} or "[" in part or part[:1].isupper())


def _kinds(annotation: Any) -> list[Any]:
    return list(get_args(annotation)) or [annotation]


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
