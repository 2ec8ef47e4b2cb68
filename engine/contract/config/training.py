"""Settings of the training: loss, optimiser, learning rate, checkpoints."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from engine.contract.config.base import SettingsGroup, refuse

SAMPLED_LOSSES = ("sampled", "gbce")
LOSSES_WITH = {"num_negatives": ("sampled", "gbce"), "negatives": ("sampled",), "gbce_t": ("gbce",)}
GBCE_T = 0.75  # recommended by Petrov & Macdonald (RecSys 2023)


class EarlyStopping(SettingsGroup):
    """When to stop before num_epochs."""

    metric: str | None = Field(None, description="Validation metric to watch; default evaluation.select_by")
    patience: int = Field(10, ge=1, description="Validations without improvement before training stops")


class TrainingConfig(SettingsGroup):
    """How the model is trained."""

    num_epochs: int = Field(100, ge=1, le=1_000_000, description="Maximum number of epochs")
    lr: float = Field(0.001, gt=0.0, description="Learning rate of AdamW (in dmp: of all but the item table)")
    embedding_lr: float | None = Field(
        None,
        gt=0.0,
        description="Learning rate of the sharded item table (dmp); default lr with Adam (GPU), 5 × lr with row-wise "
        "Adagrad (CPU)",
    )
    decay_step: int = Field(25, ge=1, description="Epochs between learning-rate decays")
    gamma: float = Field(1.0, gt=0.0, le=1.0, description="LR decay factor")
    warmup_steps: int = Field(0, ge=0, le=1_000_000_000, description="Linear warm-up steps")
    weight_decay: float = Field(
        0.0, ge=0.0, description="Decoupled weight decay of matrices and tables, not of biases and norms"
    )
    mask_prob: float = Field(0.15, gt=0.0, le=1.0, description="Fraction of items masked")
    dupe_factor: int = Field(3, ge=1, le=1000, description="Masked copies of each sequence per epoch")
    train_batch_size: int = Field(128, ge=1, le=1_000_000, description="Sequences per step and rank")
    loss: Literal["full", "sampled", "gbce"] = Field(
        "full",
        description="full: cross-entropy over all items; sampled: over the target and num_negatives items, with logQ "
        "correction; gbce: calibrated binary cross-entropy over the same",
    )
    num_negatives: int | None = Field(
        None,
        ge=1,
        le=10_000_000,
        description="Negatives per step, shared by its targets, fewer than items (sampled, gbce); default 256, or "
        "items - 1 if that is less",
    )
    negatives: Literal["uniform", "popularity"] | None = Field(
        None,
        description="Distribution of negatives (sampled): uniform, or by training interactions + 1; default uniform",
    )
    gbce_t: float | None = Field(
        None,
        ge=0.0,
        le=1.0,
        description="Calibration of gbce: 0 is plain binary cross-entropy, 1 fully corrects for sampling; default 0.75",
    )
    precision: Literal["fp32", "bf16", "auto"] = Field(
        "fp32",
        description="Precision of matmuls: in the transformer, and on CPU also in the full softmax; auto uses bf16 if "
        "a short benchmark finds it faster, so results depend on the machine",
    )
    early_stopping: EarlyStopping | None = Field(None, description="Stop when validation stops improving")
    grad_clip: float | None = Field(
        None,
        gt=0.0,
        description="Maximum norm of the global gradient; an item table sharded by dmp is neither counted nor clipped",
    )
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of weights, masks, order, dropout and negatives")
    export_root: str | None = Field(
        None, description="Folder for checkpoints, with one subfolder per run; default the run folder"
    )
    keep_checkpoints: int = Field(
        0, ge=0, description="Epoch checkpoints to keep besides the best one; 0 keeps all"
    )
    checkpoint_minutes: float = Field(
        10.0,
        gt=0.0,
        description="Checkpoint interval in minutes, for resuming within an epoch; each epoch also saves one",
    )

    @property
    def calibration(self) -> float:
        """Calibration t of gBCE, as set or the default."""
        return GBCE_T if self.gbce_t is None else self.gbce_t

    @field_validator("num_negatives", "negatives", "gbce_t")
    @classmethod
    def _has_effect(cls, value: Any, info: Any) -> Any:
        """Refuse a setting that the chosen loss does not use."""
        loss = info.data.get("loss")
        users = LOSSES_WITH[info.field_name]
        if value is not None and loss is not None and loss not in users:
            refuse(f'has no effect with loss = "{loss}"; remove it, or use loss = {" or ".join(users)}')
        return value
