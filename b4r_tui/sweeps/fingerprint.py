"""The fingerprint by which a sweep recognises existing runs of an experiment."""

from __future__ import annotations

import hashlib
import json

from engine.contract.config.experiment import Experiment


def fingerprint(experiment: Experiment) -> str:
    """Return a hash of all settings that differ from their defaults, except name and description."""
    settings = experiment.model_dump(exclude_defaults=True, exclude={"name", "description"})
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
