"""What an evaluation's options mean for a run: its settings with them, and where its result goes. Torch-free."""

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
    """An evaluation of a run, planned.

    experiment: the run's, with what the options change. own: whether it repeats the run's own test, whose result
    it may then replace. other_data: whether the data may be others than those that the checkpoint was trained on.
    folder: where its log goes, and its result unless it is the run's own; result_dir: where its result goes.
    """

    experiment: Experiment
    own: bool
    other_data: bool
    folder: Path
    result_dir: Path


def planned(run_dir: Path, experiment: Experiment, options: EvaluateOptions) -> Evaluation:
    """What the options mean for the run in `run_dir`. Raises B4RError where they do not fit its settings.

    Only the run's own checkpoint, data, protocols and cutoffs give its own result. Any other choice has a folder of
    its own, named after the choice, so that its result never takes the place of the run's.
    """
    changed = _changed(experiment, options)
    if (changed.data, changed.evaluation) == (experiment.data, experiment.evaluation):
        return Evaluation(changed, True, False, run_dir / run_folder.EVALUATIONS / OWN, run_dir)
    folder = run_dir / run_folder.EVALUATIONS / _name(changed)
    named = options.dataset_path is not None or options.dataset_name is not None
    return Evaluation(changed, False, named, folder, folder)


def _changed(experiment: Experiment, options: EvaluateOptions) -> Experiment:
    settings = experiment.model_dump()
    for name, group in _SETTINGS.items():
        value = getattr(options, name)
        if value is not None:
            settings[group][name] = list(value) if isinstance(value, tuple) else value
    if options.dataset_name not in (None, experiment.data.dataset_name):
        settings["data"]["columns"] = None  # those of the other format
    if options.metric_ks and sorted(set(options.metric_ks)) != experiment.evaluation.metric_ks:
        settings["evaluation"]["select_by"] = "mrr"  # chooses nothing here, but has to be measured
        settings["training"]["early_stopping"] = None
    try:
        return Experiment.model_validate(settings)
    except ValidationError as error:
        problem = problems_of(error, Experiment)[0]
        raise B4RError(f"{problem.key}: {problem.sentence}") from error


def _name(changed: Experiment) -> str:
    """Readable, and the same for the same choice alone."""
    evaluation = changed.evaluation
    choice: list[Any] = [
        changed.data.model_dump(),
        evaluation.pth,
        evaluation.protocols,
        evaluation.metric_ks,
    ]
    digest = hashlib.sha256(json.dumps(choice, sort_keys=True).encode()).hexdigest()
    return f"{Path(evaluation.pth).stem}_{changed.data.dataset_name}_{digest[:8]}"
