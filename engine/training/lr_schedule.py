"""The learning rate of a step: a linear warm-up, then a decay every few epochs."""

from __future__ import annotations

from engine.contract.config.training import TrainingConfig


def lr_at(base_lr: float, config: TrainingConfig, epoch: int, step: int) -> float:
    """Return the learning rate of a step, for parameters whose full learning rate is `base_lr`.

    epoch counts from 0; step counts from 0 over the run. The schedule keeps no state, so a resumed run needs none.
    Warm-up reaches the full rate at step warmup_steps - 1 (Goyal et al. 2017, arXiv 1706.02677, section 2.2); the
    decay is gamma^(epoch // decay_step), as in StepLR.
    """
    warm_up = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    return base_lr * (warm_up * config.gamma ** (epoch // config.decay_step))
