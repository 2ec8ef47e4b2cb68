"""Negatives shared by all targets of a training step, drawn from (seed, epoch, step) alone, so equal on all ranks."""

from __future__ import annotations

import numpy as np

from engine.contract import kernel_sizes
from engine.contract.config.training import TrainingConfig
from engine.contract.errors import B4RError
from engine.data.counter_rng import uniforms
from engine.data.dataset import Dataset

SMOOTHING = 1  # added to each item's training interactions, so that any item can be drawn by popularity


def negative_count(config: TrainingConfig, num_items: int) -> int:
    """Return the negatives per step: 0 with the full loss, else as set, or 256 but fewer than the items.

    Raises B4RError if the setting is not less than the number of items.
    """
    if config.loss == "full":
        return 0
    if config.num_negatives is None:
        return min(kernel_sizes.DEFAULT_NEGATIVES, num_items - 1)
    if config.num_negatives >= num_items:
        raise B4RError(
            f"training.num_negatives: {config.num_negatives} negatives of {num_items} items cost more than the full "
            f'loss; use at most {num_items - 1}, or training.loss = "full"'
        )
    return config.num_negatives


class SharedNegatives:
    """Draws the negatives of any step, with replacement, each in O(log items)."""

    def __init__(self, dataset: Dataset, config: TrainingConfig) -> None:
        self._seed, self._items = config.seed, dataset.num_items
        self._count = negative_count(config, dataset.num_items)
        self._cumulative: np.ndarray | None = None
        if self._count and config.negatives == "popularity":
            self._cumulative = np.cumsum(dataset.popularity + SMOOTHING)

    def draw(self, epoch: int, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw a step's negatives, (count,) int64, with the log of their expected counts, (count,) float32.

        uniform: all items alike. popularity: in proportion to training interactions + 1.
        """
        chance = uniforms(self._seed, "shared negatives", epoch, step, np.arange(self._count))
        if self._cumulative is None:
            items = (chance * self._items).astype(np.int64)
            share = np.full(self._count, 1 / self._items)
        else:
            total = self._cumulative[-1]
            ticket = (chance * total).astype(np.int64)
            items = np.searchsorted(self._cumulative, ticket, side="right")
            share = np.diff(self._cumulative, prepend=0)[items] / total
        return items, np.log(share * self._count).astype(np.float32)
