"""The experiment: the only place where a setting, its type, range, default and help stand.

TOML validation, the CLI's schema, the form on screen and the frozen `config.toml` of a run are all
made from these models. Torch-free: the terminal app imports it.
"""

from __future__ import annotations

import re
from pathlib import Path

import tomli
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

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
    """One experiment, whole: what `config.toml` of a run holds."""

    name: str = Field(description="Letters, digits, . _ -; not starting with a dot")
    description: str = Field("", description="A line for people")
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    launch: LaunchConfig = LaunchConfig()

    @field_validator("name")
    @classmethod
    def _safe_name(cls, name: str) -> str:
        if not NAME_PATTERN.fullmatch(name):
            raise PydanticCustomError(
                "setting",
                f"{name!r} is no experiment name; use up to 100 letters, digits, '.', '_' or '-', no dot first",
            )
        return name

    @field_validator("description")
    @classmethod
    def _readable(cls, description: str) -> str:
        if not is_safe(description):
            raise PydanticCustomError(
                "setting", f"{description!r} holds control characters; write plain text"
            )
        return description

    @model_validator(mode="after")
    def _fits_together(self) -> Experiment:
        if self.data.dataset_name not in GENERATED_DATASETS and not self.data.dataset_path:
            refuse(
                "data.dataset_path",
                f"{self.data.dataset_name} needs the folder of its files; set dataset_path",
            )
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
    """In dmp a tied output works only where its optimiser sees all rows that get a gradient, each in one piece."""
    if experiment.training.loss not in SAMPLED_LOSSES:
        refuse(
            "model.tie_output",
            "in dmp the item table's optimiser updates only rows that were looked up, but the full softmax gives "
            "every row a gradient; use false, a sampled training.loss, or mode ddp",
        )
    if experiment.launch.sharding == "column_wise":
        refuse(
            "launch.sharding",
            "a tied output scores an item with its whole vector, which column_wise cuts; use row_wise or auto",
        )


def _refuse_uneven_nodes(experiment: Experiment) -> None:
    """With fewer nodes the sequences a step on all ranks stay as many, so each number of nodes must divide them."""
    launch, batch = experiment.launch, experiment.training.train_batch_size
    for nodes in range(launch.min_nodes, launch.nodes):
        if batch * launch.ranks % (nodes * launch.processes):
            refuse(
                "training.train_batch_size",
                f"steps of {batch} × {launch.ranks} ranks can't be dealt evenly to {nodes} of {launch.nodes} nodes "
                f"(launch.j = {launch.j}); use a batch that can, or no minimum of nodes",
            )


def read_run_config(run_dir: Path) -> Experiment:
    """The frozen experiment of a run folder. Raises B4RError that names the file and the key."""
    path = run_dir / run_folder.CONFIG
    if not path.exists():
        raise B4RError(f"{path}: No such file or directory; is {run_dir} a run folder?")
    return read_frozen(path)


def read_frozen(path: Path) -> Experiment:
    """The experiment of a run's `config.toml`. Raises B4RError that names the file and the key."""
    try:
        with path.open("rb") as file:
            return Experiment.model_validate(tomli.load(file))
    except OSError as error:
        raise B4RError(f"{path}: {error.strerror or error}; name a run's config.toml") from error
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise B4RError(f"{path}: not valid TOML: {error}") from error
    except ValidationError as error:
        problem = problems_of(error, Experiment)[0]
        raise B4RError(f"{path}: {problem.key}: {problem.sentence}") from error
