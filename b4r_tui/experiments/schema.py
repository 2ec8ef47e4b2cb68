"""The JSON Schema of an experiments file, for editors that complete and check TOML."""

from __future__ import annotations

from typing import Any

from b4r_tui.experiments.draft import GROUPS
from b4r_tui.experiments.sweep_schema import sweep_schema
from engine.contract.config.experiment import NAME_PATTERN, Experiment

_DIALECT = "http://json-schema.org/draft-07/schema#"  # what TOML editors understand


def file_schema() -> dict[str, Any]:
    """The schema of the whole file, made from the one definition of the settings."""
    experiment = Experiment.model_json_schema(ref_template="#/definitions/{model}")
    definitions = experiment["$defs"]
    groups = {group: experiment["properties"][group] for group in GROUPS}
    return {
        "$schema": _DIALECT,
        "title": "b4r-tui experiments",
        "type": "object",
        "additionalProperties": False,
        "required": ["experiments"],
        "properties": {
            "defaults": _closed(groups, "Settings of every experiment of this file"),
            "experiments": {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": f"^{NAME_PATTERN.pattern}$"},
                "additionalProperties": _closed(
                    {**_own(experiment, definitions), **groups}, "One experiment"
                ),
            },
        },
        "definitions": definitions,
    }


def _own(experiment: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": experiment["properties"]["description"],
        "extends": {"type": "string", "description": "Experiment whose settings are taken over first"},
        "sweep": sweep_schema(definitions),
    }


def _closed(properties: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "properties": properties,
    }
