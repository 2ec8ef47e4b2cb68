"""The learning rate of a step as a share of its full: a linear warm-up, then a cut every few epochs."""

from __future__ import annotations

from engine.contract.config.training import TrainingConfig


def rate_factor(config: TrainingConfig, epoch: int, step: int) -> float:
    """What every learning rate is multiplied with in a step. No state: a resumed run needs nothing else.

    epoch counts from 0; step counts from 0 over the whole run. The warm-up reaches 1 at step warmup_steps - 1
    (Goyal et al. 2017, arXiv 1706.02677, section 2.2); the cuts are gamma^(epoch // decay_step), as StepLR has them.
    """
    warm = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    return warm * config.gamma ** (epoch // config.decay_step)
