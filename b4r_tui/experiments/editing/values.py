"""Converts between TOML values and form input: `1, 5, 10` is a list, `off` a bool, empty means not set."""

from __future__ import annotations

import re
from typing import Any

import tomli

from b4r_tui.experiments.editing.keys import set_key, to_toml, unset_key
from b4r_tui.experiments.editing.layout import Path, parse_toml
from b4r_tui.experiments.settings import SETTINGS, Setting
from b4r_tui.experiments.sweep.names import SEEDS

_BOOLS = {"on": "true", "true": "true", "off": "false", "false": "false"}


def to_input(value: Any) -> str:
    """Return a value as form input; "" for one that is not set."""
    if value is None or value in ({}, []):
        return ""
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} = {to_toml(item)}" for key, item in value.items())
    return _plain(value)


def to_literal(setting: Setting, text: str) -> str | None:
    """Return form input as a TOML value; None if it is empty.

    Input that does not fit the setting's type becomes a quoted string, which validation then reports.
    """
    text = text.strip()
    if not text:
        return None
    if setting.kind == "list":
        return _list(text, setting.item)
    if setting.kind == "table":
        table = text if text.startswith("{") else f"{{ {text} }}"
        return table if _is_toml(table) else to_toml(text)
    return _one(text, setting.kind)


def axis_to_literal(setting: Setting | None, text: str) -> str | None:
    """Return the input for a sweep's values as a TOML list; None if it is empty. setting: the swept one."""
    text = text.strip()
    if not text:
        return None
    if setting is None or setting.kind in ("list", "table"):  # lists of lists are written as such
        return text if _is_toml(text) else f"[{text}]" if _is_toml(f"[{text}]") else to_toml(text)
    return _list(text, setting.kind)


def _list(text: str, kind: str) -> str:
    if text.startswith("[") and _is_toml(text):
        return text
    items = [item.strip() for item in text.strip("[]").split(",")]
    return f"[{', '.join(_one(item, kind) for item in items if item)}]"


def _one(text: str, kind: str) -> str:
    """Convert one value; a number keeps its notation, such as 1e-3."""
    if kind == "bool":
        return _BOOLS.get(text.lower(), to_toml(text))
    if kind in ("int", "float"):
        number = re.sub(r"^(-?)\.", r"\g<1>0.", text)
        return number if re.match(r"[-+\d]|inf|nan", number) and _is_toml(number) else to_toml(text)
    return to_toml(text)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return value if isinstance(value, str) else to_toml(value)


def _is_toml(text: str) -> bool:
    """Return whether a text is one TOML value on one line."""
    try:
        return "\n" not in text and list(tomli.loads(f"v = {text}")) == ["v"]
    except (tomli.TOMLDecodeError, RecursionError):
        return False


def with_setting(text: str, name: str | None, setting: Setting, entered: str) -> str:
    """Return the text with a setting of an experiment (None: [defaults]) as entered; empty input unsets it."""
    return _with_literal(text, (*owner_path(name), *setting.path), to_literal(setting, entered))


def with_axis(text: str, name: str, axis: str, entered: str) -> str:
    """Return the text with a sweep's values for a dotted setting, or for `seeds`, as entered."""
    table = parse_toml(text).get("experiments", {}).get(name, {}).get("sweep", {})
    parts = tuple(axis.split("."))
    nested = isinstance(table, dict) and isinstance(table.get(parts[0]), dict) and axis not in table
    path = (*owner_path(name), "sweep", *(parts if nested else (axis,)))
    swept = Setting(axis, "int", None, "") if axis == SEEDS else SETTINGS.get(axis)
    return _with_literal(text, path, axis_to_literal(swept, entered))


def owner_path(name: str | None) -> Path:
    """Return the path of the table with the settings of an experiment; None: of [defaults]."""
    return ("defaults",) if name is None else ("experiments", name)


def _with_literal(text: str, path: Path, literal: str | None) -> str:
    return unset_key(text, path) if literal is None else set_key(text, path, literal)
