"""Applies the options of an evaluation to a run: the resulting settings, and where the result goes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from engine.contract import run_folder
from engine.contract.config.experiment import Experiment
from engine.contract.config.validation import problems_of
from engine.contract.errors import B4RError
from engine.contract.options.evaluate import EvaluateOptions

OWN = "own"
_SETTINGS = {
    "pth": "evaluation",
    "dataset_path": "data",
    "dataset_name": "data",
    "protocols": "evaluation",
    "metric_ks": "evaluation",
    "j": "launch",
    "mode": "launch",
    "gpu": "launch",
}


@dataclass(frozen=True)
class Evaluation:
    """A planned evaluation of a run.

    experiment: the run's, changed by the options. own: whether it repeats the run's own test, whose result it then
    replaces. other_data: whether the data may differ from those that the checkpoint was trained on. folder: where its
    log goes, and its result unless it is the run's own; result_dir: where its result goes.
    """

    experiment: Experiment
    own: bool
    other_data: bool
    folder: Path
    result_dir: Path


def planned(run_dir: Path, experiment: Experiment, options: EvaluateOptions) -> Evaluation:
    """Plan an evaluation of the run in `run_dir`. Raises B4RError if the options do not fit its settings.

    Only the run's own checkpoint, data, protocols and cutoffs give its own result. Any other choice has a separate
    folder, named after the choice, so that its result never replaces the run's.
    """
    changed = _changed(experiment, options)
    if (changed.data, changed.evaluation) == (experiment.data, experiment.evaluation):
        return Evaluation(changed, True, False, run_dir / run_folder.EVALUATIONS / OWN, run_dir)
    folder = run_dir / run_folder.EVALUATIONS / _name(changed)
    other_data = options.dataset_path is not None or options.dataset_name is not None
    return Evaluation(changed, False, other_data, folder, folder)


def _changed(experiment: Experiment, options: EvaluateOptions) -> Experiment:
    settings = experiment.model_dump()
    for name, group in _SETTINGS.items():
        value = getattr(options, name)
        if value is not None:
            settings[group][name] = list(value) if isinstance(value, tuple) else value
    if options.dataset_name not in (None, experiment.data.dataset_name):
        settings["data"]["columns"] = None  # the run's are for its own format
    if options.metric_ks and sorted(set(options.metric_ks)) != experiment.evaluation.metric_ks:
        settings["evaluation"]["select_by"] = "mrr"  # selects nothing here, but must be a measured metric
        settings["training"]["early_stopping"] = None
    try:
        return Experiment.model_validate(settings)
    except ValidationError as error:
        problem = problems_of(error, Experiment)[0]
        raise B4RError(f"{problem.key}: {problem.sentence}") from error


def _name(changed: Experiment) -> str:
    """Return a readable folder name that is unique to the choice."""
    evaluation = changed.evaluation
    choice: list[Any] = [
        changed.data.model_dump(),
        evaluation.pth,
        evaluation.protocols,
        evaluation.metric_ks,
    ]
    digest = hashlib.sha256(json.dumps(choice, sort_keys=True).encode()).hexdigest()
    return f"{Path(evaluation.pth).stem}_{changed.data.dataset_name}_{digest[:8]}"
