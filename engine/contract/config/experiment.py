"""The experiment: all groups of settings together, and checks across groups.

A setting's type, range, default and help are defined only in these models. TOML validation, the JSON schema, the form
of the app, the reference and a run's frozen `config.toml` are all derived from them.
"""

from __future__ import annotations

import re
from pathlib import Path

import tomli
from pydantic import Field, ValidationError, field_validator, model_validator

from engine.contract import run_folder
from engine.contract.config.base import SettingsGroup, refuse
from engine.contract.config.data import GENERATED_DATASETS, DataConfig
from engine.contract.config.evaluation import EvaluationConfig, check_metric
from engine.contract.config.launch import LaunchConfig
from engine.contract.config.model import ModelConfig
from engine.contract.config.training import SAMPLED_LOSSES, TrainingConfig
from engine.contract.config.validation import problems_of
from engine.contract.errors import B4RError
from engine.contract.sanitize import is_safe

NAME_PATTERN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


class Experiment(SettingsGroup):
    """One experiment with all settings, as in the `config.toml` of a run."""

    name: str = Field(description="Letters, digits, . _ -; not starting with a dot")
    description: str = Field("", description="Free-text description")
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    launch: LaunchConfig = LaunchConfig()

    @field_validator("name")
    @classmethod
    def _safe_name(cls, name: str) -> str:
        if not NAME_PATTERN.fullmatch(name):
            refuse(
                f"invalid experiment name {name!r}; use up to 100 letters, digits, '.', '_' or '-', not starting "
                "with a dot"
            )
        return name

    @field_validator("description")
    @classmethod
    def _readable(cls, description: str) -> str:
        if not is_safe(description):
            refuse(f"{description!r} contains control characters; use plain text")
        return description

    @model_validator(mode="after")
    def _check_combinations(self) -> Experiment:
        if self.data.dataset_name not in GENERATED_DATASETS and not self.data.dataset_path:
            refuse(f"is missing; set it to the folder of {self.data.dataset_name}", "data.dataset_path")
        _refuse_uneven_nodes(self)
        if self.model.tie_output and self.launch.mode == "dmp":
            _refuse_tied_in_dmp(self)
        if self.training.early_stopping and self.training.early_stopping.metric:
            check_metric(
                self.training.early_stopping.metric,
                self.evaluation.metric_ks,
                key="training.early_stopping.metric",
            )
        return self


def _refuse_tied_in_dmp(experiment: Experiment) -> None:
    """Refuse a tied output in dmp if the item table's optimiser would miss rows, or ranks hold parts of vectors."""
    if experiment.training.loss not in SAMPLED_LOSSES:
        refuse(
            "in dmp the item table's optimiser updates only rows that were looked up, but the full softmax gives "
            "every row a gradient; use false, a sampled training.loss, or mode ddp",
            "model.tie_output",
        )
    if experiment.launch.sharding == "column_wise":
        refuse(
            "a tied output needs an item's full vector, which column_wise splits; use row_wise or auto",
            "launch.sharding",
        )


def _refuse_uneven_nodes(experiment: Experiment) -> None:
    """Refuse an elastic launch whose global batch, which stays the same, does not divide by fewer nodes' ranks."""
    launch, batch = experiment.launch, experiment.training.train_batch_size
    for nodes in range(launch.min_nodes, launch.nodes):
        if batch * launch.ranks % (nodes * launch.processes):
            refuse(
                f"steps of {batch} × {launch.ranks} ranks do not divide evenly among {nodes} of {launch.nodes} nodes "
                f"(launch.j = {launch.j}); use another batch size, or no minimum of nodes",
                "training.train_batch_size",
            )


def read_run_config(run_dir: Path) -> Experiment:
    """Read the frozen experiment of a run folder. Raises B4RError that names the file and the key."""
    path = run_dir / run_folder.CONFIG
    if not path.exists():
        raise B4RError(f"{path}: not found; check that {run_dir} is a run folder")
    return read_frozen(path)


def read_frozen(path: Path) -> Experiment:
    """Read a run's `config.toml`. Raises B4RError that names the file and the key."""
    try:
        with path.open("rb") as file:
            return Experiment.model_validate(tomli.load(file))
    except OSError as error:
        raise B4RError(f"{path}: {error.strerror or error}; use a run's config.toml") from error
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise B4RError(f"{path}: not valid TOML: {error}") from error
    except ValidationError as error:
        problem = problems_of(error, Experiment)[0]
        raise B4RError(f"{path}: {problem.key}: {problem.sentence}") from error
