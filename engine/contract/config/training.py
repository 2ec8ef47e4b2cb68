"""Settings of the training: loss, optimiser, schedule, checkpoints."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from engine.contract.config.base import SettingsGroup

SAMPLED_LOSSES = ("sampled", "gbce")


LOSSES_WITH = {"num_negatives": ("sampled", "gbce"), "negatives": ("sampled",), "gbce_t": ("gbce",)}


GBCE_T = 0.75  # the calibration Petrov & Macdonald (RecSys 2023) recommend


class EarlyStopping(SettingsGroup):
    """When to end before num_epochs."""

    metric: str | None = Field(None, description="Validation metric to watch; default evaluation.select_by")
    patience: int = Field(10, ge=1, description="Validations without improvement before the run ends")


class TrainingConfig(SettingsGroup):
    """How the model is fitted."""

    num_epochs: int = Field(100, ge=1, le=1_000_000, description="Passes over the training sequences")
    lr: float = Field(0.001, gt=0.0, description="Learning rate of Adam (dense part; all of it in ddp)")
    embedding_lr: float | None = Field(
        None,
        gt=0.0,
        description="Learning rate of the sharded item table (dmp); default lr where its optimiser is Adam, "
        "5 × lr where it is row-wise Adagrad",
    )
    decay_step: int = Field(25, ge=1, description="Epochs between two cuts of the learning rate")
    gamma: float = Field(1.0, gt=0.0, le=1.0, description="Factor of each cut of the learning rate")
    warmup_steps: int = Field(
        0,
        ge=0,
        le=1_000_000_000,
        description="Steps in which the learning rate first rises evenly to its full",
    )
    weight_decay: float = Field(
        0.0, ge=0.0, description="Decoupled weight decay of matrices and tables, not of biases and norms"
    )
    mask_prob: float = Field(
        0.15, gt=0.0, le=1.0, description="Chance that an item of a sequence is a target"
    )
    dupe_factor: int = Field(3, ge=1, le=1000, description="Masked copies of each sequence in an epoch")
    train_batch_size: int = Field(128, ge=1, le=1_000_000, description="Sequences a step, per rank")
    loss: Literal["full", "sampled", "gbce"] = Field(
        "full",
        description="full: cross-entropy over all items; sampled: over the target and num_negatives items, logQ "
        "corrected; gbce: calibrated binary cross-entropy with them",
    )
    num_negatives: int | None = Field(
        None,
        ge=1,
        le=10_000_000,
        description="Negatives that a step's targets share, fewer than items (sampled, gbce); default 256, or items "
        "- 1 where that is less",
    )
    negatives: Literal["uniform", "popularity"] | None = Field(
        None,
        description="How negatives are drawn (sampled): each item alike, or by training interactions + 1; default "
        "uniform",
    )
    gbce_t: float | None = Field(
        None,
        ge=0.0,
        le=1.0,
        description="Calibration of gbce: 0 is plain binary cross-entropy, 1 undoes all that sampling distorts; "
        "default 0.75",
    )
    precision: Literal["fp32", "bf16", "auto"] = Field(
        "fp32",
        description="Number format of the matmuls: the transformer's, and on CPU the full softmax's too; auto takes "
        "bf16 where a short probe finds it faster, so numbers then depend on the machine",
    )
    early_stopping: EarlyStopping | None = Field(None, description="End when validation stops improving")
    grad_clip: float | None = Field(
        None,
        gt=0.0,
        description="Largest norm of a step's whole gradient, over all ranks; the item table sharded by dmp is "
        "neither counted nor clipped",
    )
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of weights, masks, order, dropout and negatives")
    export_root: str | None = Field(
        None, description="Folder for checkpoints, a sub-folder a run; default the run folder itself"
    )
    keep_checkpoints: int = Field(
        0, ge=0, description="Epoch checkpoints kept besides the best one; 0 keeps all"
    )
    checkpoint_minutes: float = Field(
        10.0,
        gt=0.0,
        description="Minutes between two savings of `checkpoints/last` within an epoch; each epoch's end saves it too",
    )

    @property
    def calibration(self) -> float:
        """t of gBCE, as set or its default."""
        return GBCE_T if self.gbce_t is None else self.gbce_t

    @field_validator("num_negatives", "negatives", "gbce_t")
    @classmethod
    def _means_something(cls, value: Any, info: Any) -> Any:
        """Refuse a setting of the loss that the loss chosen does not look at."""
        loss = info.data.get("loss")
        users = LOSSES_WITH[info.field_name]
        if value is not None and loss is not None and loss not in users:
            raise PydanticCustomError(
                "setting", f'does nothing to loss = "{loss}"; remove it, or use loss = {" or ".join(users)}'
            )
        return value
