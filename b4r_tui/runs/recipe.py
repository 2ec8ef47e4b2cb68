"""What of an experiment decides its numbers, the seed left out: runs of one recipe are repeats of each other."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from engine.contract.config.experiment import Experiment

NO_NUMBERS = frozenset(  # settings that name, place or pace a run
    {
        "name",
        "description",
        "data.dataset_path",  # the fingerprint of the data stands for what lies there
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
    """A digest, equal for two experiments whose runs may differ by their seed alone.

    Left out: names, paths, what is kept, batch sizes of evaluation, `training.seed`, and of `launch` all but mode,
    sharding, script and the number of ranks, since a batch is counted per rank. `data.seed` stays: it draws
    generated data and evaluation negatives, so its runs are measured on something else.
    """
    settings = settings_of(experiment)
    deciding = {key: value for key, value in settings.items() if _decides(key)}
    deciding["ranks"] = experiment.launch.ranks
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:16]


def settings_of(experiment: Experiment) -> dict[str, Any]:
    """All settings by dotted key, such as `training.lr`; lists whole, tables taken apart, what is unset None."""
    return dict(_flat(experiment.model_dump(mode="json"), ""))


def _decides(key: str) -> bool:
    return key in LAUNCH_NUMBERS if key.startswith("launch.") else key not in NO_NUMBERS


def _flat(table: dict[str, Any], prefix: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        if isinstance(value, dict) and value:
            found += _flat(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", value))
    return found
