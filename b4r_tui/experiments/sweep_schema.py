"""Makes the JSON Schema of a sweep table: its options, and every setting as a list, choices or a range."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from b4r_tui.experiments.draft import GROUPS
from b4r_tui.experiments.sweep.options import RangeTable, SweepOptions
from engine.contract.config.experiment import Experiment

_NUMBERS = ("number", "integer")
Schema = dict[str, Any]


def sweep_schema(definitions: Schema) -> Schema:
    """Return the schema of `sweep`, with settings both quoted ("training.lr") and dotted (training.lr).

    definitions: JSON Schema definitions of the groups of settings.
    """
    settings = dict(_settings(definitions))
    return {
        "type": "object",
        "description": "Settings to sweep with their values, and how to sweep them: one run for each point and seed",
        "additionalProperties": False,
        "properties": {**SweepOptions.model_json_schema()["properties"], **settings, **_nested(settings)},
        "patternProperties": {r"^launch\.env\.": _space({"type": "string"})},
    }


def _nested(settings: dict[str, Schema]) -> dict[str, Schema]:
    """Return the same settings as nested tables, one for each group and for each group within it."""
    inner: dict[str, Schema] = {"launch.env": {"additionalProperties": _space({"type": "string"})}}
    for key, schema in settings.items():
        parent, _, name = key.rpartition(".")
        inner.setdefault(parent, {"properties": {}, "additionalProperties": False})["properties"][name] = (
            schema
        )
    for key in [key for key in inner if "." in key]:
        group, _, name = key.partition(".")
        leaf = settings[key]
        table = {"type": "object", **inner.pop(key)}
        inner[group]["properties"][name] = {**leaf, "anyOf": [*leaf["anyOf"], table]}
    return {group: {"type": "object", **table} for group, table in inner.items()}


def _settings(definitions: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield each dotted setting of an experiment with the schema of its space."""
    for group in GROUPS:
        model = Experiment.model_fields[group].annotation
        for name, field in definitions[model.__name__]["properties"].items():  # type: ignore[union-attr]
            yield f"{group}.{name}", _space(field)
            for inner, nested in _inner(field, definitions).items():
                yield f"{group}.{name}.{inner}", _space(nested)


def _inner(field: Schema, definitions: Schema) -> Schema:
    """Return the settings of a group within a group."""
    references = [each["$ref"] for each in field.get("anyOf", []) if "$ref" in each]
    properties: Schema = {}
    for reference in references:
        properties |= definitions[reference.rpartition("/")[2]]["properties"]
    return properties


def _space(field: Schema) -> Schema:
    value = {key: part for key, part in field.items() if key not in ("default", "description", "title")}
    listed = {"type": "array", "minItems": 1, "items": value}
    choices = {
        "type": "object",
        "required": ["choices"],
        "additionalProperties": False,
        "properties": {"choices": listed},
    }
    kinds = {part.get("type") for part in (field, *field.get("anyOf", []))}
    ranges = [RangeTable.model_json_schema()] if kinds & set(_NUMBERS) else []
    return {"description": field.get("description", ""), "anyOf": [listed, choices, *ranges]}
