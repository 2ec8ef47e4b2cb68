"""What tells whether a run there is already is a run of the experiment that is asked for."""

from __future__ import annotations

import hashlib
import json

from engine.contract.config.experiment import Experiment


def fingerprint(experiment: Experiment) -> str:
    """A hash of all settings that are not at their defaults; names and descriptions do not count."""
    settings = experiment.model_dump(exclude_defaults=True, exclude={"name", "description"})
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
