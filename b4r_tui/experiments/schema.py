"""Makes the JSON Schema of experiments files, for editors that complete and check TOML."""

from __future__ import annotations

from typing import Any

from b4r_tui.experiments.draft import GROUPS
from b4r_tui.experiments.sweep_schema import sweep_schema
from engine.contract.config.experiment import NAME_PATTERN, Experiment

_DIALECT = "http://json-schema.org/draft-07/schema#"  # what TOML editors understand


def file_schema() -> dict[str, Any]:
    """Return the schema of the whole file, generated from the definitions of the settings."""
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
            "defaults": _closed(groups, "Settings shared by all experiments in this file"),
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
        "extends": {"type": "string", "description": "Experiment whose settings are inherited"},
        "sweep": sweep_schema(definitions),
    }


def _closed(properties: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "properties": properties,
    }
