"""Turns pydantic's validation errors into sentences that a user can act on."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from engine.contract.errors import ExitCode

_TYPE_NAMES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "a quoted string",
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
    """Return the problems in a pydantic error about `model`, in order, at most one per key."""
    problems: dict[str, Problem] = {}
    for detail in error.errors(include_url=False):
        context = detail.get("ctx", {})
        path = [part for part in detail["loc"] if _is_key(part)]
        key = context.get("key") or ".".join(str(part) for part in path)
        problems.setdefault(key, Problem(key, _sentence(dict(detail), context, model, path)))
    return list(problems.values())


def known_keys(model: type[BaseModel], path: list[Any]) -> list[str]:
    """Return the names of the settings in the group at `path`, or [] if it is not a group."""
    for part in path:
        field = model.model_fields.get(str(part))
        groups = [member for member in _members(field.annotation if field else None) if _is_model(member)]
        if not groups:
            return []
        model = groups[0]
    return list(model.model_fields)


def nearest(name: str, known: list[str]) -> str:
    """Return `did you mean 'X'?` if a known name is close, else the list of known names."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"use one of: {', '.join(known)}" if known else "remove it"


def _sentence(
    detail: dict[str, Any], context: dict[str, Any], model: type[BaseModel], path: list[Any]
) -> str:
    error_type, value = detail["type"], detail.get("input")
    if error_type == "extra_forbidden":
        return f"unknown key; {nearest(str(path[-1]), known_keys(model, path[:-1]))}"
    if error_type == "setting":
        return str(detail["msg"])
    if error_type == "missing":
        return "is missing; set it"
    if error_type == "literal_error":
        return f"{_shown(value)} is not valid; {_choice_hint(value, context['expected'])}"
    if error_type in _TYPE_NAMES:
        return f"{_shown(value)} is not {_TYPE_NAMES[error_type]}"
    message = str(detail["msg"]).removeprefix("Input ").replace("should be", "must be")
    return f"{_shown(value)} {message[:1].lower()}{message[1:]}"


def _choice_hint(value: Any, expected: str) -> str:
    choices = re.findall("'([^']*)'", expected)
    close = difflib.get_close_matches(str(value), choices, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}? One of: {', '.join(choices)}"
    return f"use {expected.replace(chr(39), '')}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = "a table" if isinstance(value, dict) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _is_key(part: Any) -> bool:
    """Return whether a part of pydantic's location is a key or index, not the name of a union's member."""
    return isinstance(part, int) or not (part in {"int", "float", "str"} or "[" in part or part[:1].isupper())


def _members(annotation: Any) -> list[Any]:
    return list(get_args(annotation)) or [annotation]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
