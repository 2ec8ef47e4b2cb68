"""The recipe of an experiment: the settings that decide its numbers, except the seed; equal recipes are repeats."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from engine.contract.config.experiment import Experiment

NO_NUMBERS = frozenset(  # settings that only name, locate or pace a run
    {
        "name",
        "description",
        "data.dataset_path",  # the fingerprint of the data covers its content
        "training.seed",
        "training.export_root",
        "training.keep_checkpoints",
        "training.checkpoint_minutes",
        "evaluation.val_batch_size",
        "evaluation.test_batch_size",
        "evaluation.block_mb",
    }
)
LAUNCH_NUMBERS = frozenset(
    {"launch.mode", "launch.sharding", "launch.script"}
)  # of launch, only these decide


def recipe(experiment: Experiment) -> str:
    """Return a digest that is equal for two experiments whose runs may only differ by their seed.

    It omits names, paths, retention, evaluation batch sizes, `training.seed`, and of `launch` all but mode, sharding,
    script and the number of ranks, since batch sizes are per rank. `data.seed` counts: it draws generated data and
    evaluation negatives, so the runs are measured on different data.
    """
    settings = settings_of(experiment)
    deciding = {key: value for key, value in settings.items() if _decides(key)}
    deciding["ranks"] = experiment.launch.ranks
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:16]


def settings_of(experiment: Experiment) -> dict[str, Any]:
    """Return all settings by dotted key, such as `training.lr`; lists as one value, unset ones as None."""
    return dict(_flat(experiment.model_dump(mode="json"), ""))


def _decides(key: str) -> bool:
    return key in LAUNCH_NUMBERS if key.startswith("launch.") else key not in NO_NUMBERS


def _flat(table: dict[str, Any], prefix: str) -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for key, value in table.items():
        if isinstance(value, dict) and value:
            flat += _flat(value, f"{prefix}{key}.")
        else:
            flat.append((f"{prefix}{key}", value))
    return flat
