"""Values between TOML and what people type in a form: `1, 5, 10` is a list, `off` a bool, nothing means not set."""

from __future__ import annotations

import re
from typing import Any

import tomli

from b4r_tui.experiments.editing.keys import set_key, unset_key, written
from b4r_tui.experiments.editing.layout import Path, parsed
from b4r_tui.experiments.settings import SETTINGS, Setting
from b4r_tui.experiments.sweep.names import SEEDS

_BOOLS = {"on": "true", "true": "true", "off": "false", "false": "false"}


def typed(value: Any) -> str:
    """A value as it would be typed; "" for one that is not set."""
    if value is None or value in ({}, []):
        return ""
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} = {written(item)}" for key, item in value.items())
    return _plain(value)


def literal(setting: Setting, text: str) -> str | None:
    """What was typed as a TOML value; None where nothing was.

    What is not of the setting's kind becomes a text in quotes, for the validation to object to.
    """
    text = text.strip()
    if not text:
        return None
    if setting.kind == "list":
        return _list(text, setting.item)
    if setting.kind == "table":
        table = text if text.startswith("{") else f"{{ {text} }}"
        return table if _is_toml(table) else written(text)
    return _one(text, setting.kind)


def axis_literal(setting: Setting | None, text: str) -> str | None:
    """The values of a sweep as a TOML list; None where nothing was typed. setting: the swept one."""
    text = text.strip()
    if not text:
        return None
    if setting is None or setting.kind in ("list", "table"):  # lists of lists are written as such
        return text if _is_toml(text) else f"[{text}]" if _is_toml(f"[{text}]") else written(text)
    return _list(text, setting.kind)


def _list(text: str, kind: str) -> str:
    if text.startswith("[") and _is_toml(text):
        return text
    items = [item.strip() for item in text.strip("[]").split(",")]
    return f"[{', '.join(_one(item, kind) for item in items if item)}]"


def _one(text: str, kind: str) -> str:
    """One value; a number is kept as it was typed, such as 1e-3."""
    if kind == "bool":
        return _BOOLS.get(text.lower(), written(text))
    if kind in ("int", "float"):
        number = re.sub(r"^(-?)\.", r"\g<1>0.", text)
        return number if re.match(r"[-+\d]|inf|nan", number) and _is_toml(number) else written(text)
    return written(text)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return value if isinstance(value, str) else written(value)


def _is_toml(text: str) -> bool:
    """Whether a text is one TOML value, on one line."""
    try:
        return "\n" not in text and list(tomli.loads(f"v = {text}")) == ["v"]
    except (tomli.TOMLDecodeError, RecursionError):
        return False


def with_setting(text: str, name: str | None, setting: Setting, said: str) -> str:
    """The text with a setting of an experiment (None: of [defaults]) as typed; not set where nothing was typed."""
    return _put(text, (*owner_path(name), *setting.path), literal(setting, said))


def with_axis(text: str, name: str, axis: str, said: str) -> str:
    """The text with the values that a sweep gives to a dotted setting, or to `seeds`, as typed."""
    table = parsed(text).get("experiments", {}).get(name, {}).get("sweep", {})
    parts = tuple(axis.split("."))
    nested = isinstance(table, dict) and isinstance(table.get(parts[0]), dict) and axis not in table
    path = (*owner_path(name), "sweep", *(parts if nested else (axis,)))
    swept = Setting(axis, "int", None, "") if axis == SEEDS else SETTINGS.get(axis)
    return _put(text, path, axis_literal(swept, said))


def owner_path(name: str | None) -> Path:
    """Where the settings of an experiment stand; None: [defaults]."""
    return ("defaults",) if name is None else ("experiments", name)


def _put(text: str, path: Path, said: str | None) -> str:
    return unset_key(text, path) if said is None else set_key(text, path, said)
