"""Keeps the steps of a small model on one thread: there is too little in them to share."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from engine.contract.config.experiment import Experiment
from engine.data.training_negatives import negative_count

# Where a second thread began to pay: with batches of 8, 16, 32 and 64 (0.4, 0.7, 1.5 and 3 · 10⁹) configuration B of
# docs/benchmarks.md took 0.9 to 1.0, 1.0, 0.87 and 0.68 of one thread's time by the processor time of the main thread,
# and by the clock, on the busy cores that they were, 1.2 to 2.4 times as long.
WORTH_SHARING = 1e9

log = logging.getLogger(__name__)


def operations(experiment: Experiment, num_items: int) -> float:
    """Floating point operations in the matrix products of a rank's step at most, forward and backward."""
    model, training = experiment.model, experiment.training
    tokens = training.train_batch_size * model.max_len
    scored = num_items if training.loss == "full" else negative_count(training, num_items) + 1
    blocks = 12 * model.emb_dim**2 * model.num_layers * tokens
    return 6.0 * (blocks + training.mask_prob * tokens * model.emb_dim * scored)


@contextmanager
def threads_for_steps(experiment: Experiment, num_items: int) -> Iterator[None]:
    """While the block runs, one thread where a step is not worth sharing.

    Depends on settings alone, never on a clock: sums by other numbers of threads are rounded otherwise.
    """
    before = torch.get_num_threads()
    if operations(experiment, num_items) < WORTH_SHARING:
        torch.set_num_threads(1)
        log.info("one thread of %d: a step has too little in it to share", before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
