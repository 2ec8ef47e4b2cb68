"""Finds the first step with a NaN or infinite loss, without waiting for the device at every step."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from engine.contract.config.training import TrainingConfig
from engine.contract.errors import B4RError, ExitCode
from engine.distributed.process_group import ProcessGroup
from engine.training.lr_schedule import lr_at

CHECK_STEPS = 50  # steps between checks: each is a small collective, and on a GPU a synchronisation


class FiniteLossCheck:
    """Checks an epoch's losses in blocks, at the same steps on every rank, so that all ranks fail alike."""

    def __init__(self, config: TrainingConfig, group: ProcessGroup, epoch: int, steps: int) -> None:
        self._config, self._group = config, group
        self._epoch, self._steps = epoch, steps
        self._losses: list[Tensor] = []

    def add(self, step: int, loss: Tensor) -> None:
        """Add this rank's loss of a step, counted from 0 in the epoch. A collective at every check.

        Raises B4RError that names the epoch, the first bad step and its learning rate.
        """
        self._losses.append(loss)
        if (step + 1) % CHECK_STEPS == 0 or step + 1 == self._steps:
            summed = self._group.sum(torch.stack(self._losses).tolist())
            self._losses.clear()
            for place, value in enumerate(summed):
                if not math.isfinite(value):
                    raise self._failure(step + 1 - len(summed) + place, value)

    def _failure(self, step: int, loss: float) -> B4RError:
        lr = lr_at(self._config.lr, self._config, self._epoch, self._epoch * self._steps + step)
        return B4RError(
            f"the loss became {loss} in epoch {self._epoch}, step {step} of {self._steps} (both counted from 0), at "
            f"learning rate {lr:g}; lower training.lr, or set training.grad_clip or training.warmup_steps",
            ExitCode.RUN_FAILED,
        )
