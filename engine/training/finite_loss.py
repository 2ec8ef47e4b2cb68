"""Finds the first step whose loss is no number, without waiting for the device at every step."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from engine.contract.config.training import TrainingConfig
from engine.contract.errors import B4RError, ExitCode
from engine.distributed.process_group import Group
from engine.training.lr_schedule import rate_factor

CHECK_STEPS = 50  # one small collective, and on a GPU one wait, in so many steps


class LossWatch:
    """Looks at an epoch's losses in blocks, at the same steps on every rank, so that all fail alike."""

    def __init__(self, config: TrainingConfig, group: Group, epoch: int, steps: int) -> None:
        self._config, self._group = config, group
        self._epoch, self._steps = epoch, steps
        self._losses: list[Tensor] = []

    def add(self, step: int, loss: Tensor) -> None:
        """Take in this rank's loss of a step, counted from 0 in the epoch; a collective at some steps and the last.

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
        factor = rate_factor(self._config, self._epoch, self._epoch * self._steps + step)
        return B4RError(
            f"the loss became {loss} in epoch {self._epoch}, step {step} of {self._steps} (both counted from 0), at "
            f"learning rate {self._config.lr * factor:g}; lower training.lr, or set training.grad_clip or "
            "training.warmup_steps",
            ExitCode.RUN_FAILED,
        )
