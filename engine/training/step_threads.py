"""Runs the steps of a small model on one thread: they are too short to gain from more."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from engine.contract.config.experiment import Experiment
from engine.data.training_negatives import negative_count

# Where a second thread began to pay: with batches of 8, 16, 32 and 64 (0.4, 0.7, 1.5 and 3 · 10⁹ operations)
# configuration B of docs/benchmarks.md took 0.9 to 1.0, 1.0, 0.87 and 0.68 of one thread's time, measured as processor
# time of the main thread; by the clock, on busy cores, it took 1.2 to 2.4 times as long.
MIN_PARALLEL_FLOPS = 1e9

log = logging.getLogger(__name__)


def step_flops(experiment: Experiment, num_items: int) -> float:
    """Return the most floating-point operations in the matrix products of a rank's step, forward and backward."""
    model, training = experiment.model, experiment.training
    tokens = training.train_batch_size * model.max_len
    scored = num_items if training.loss == "full" else negative_count(training, num_items) + 1
    blocks = 12 * model.emb_dim**2 * model.num_layers * tokens
    return 6.0 * (blocks + training.mask_prob * tokens * model.emb_dim * scored)


def threads_for_steps(experiment: Experiment, num_items: int) -> int:
    """Return the number of threads for training steps: one where a step is too small, else torch's setting.

    Settings alone decide, never a clock, since another number of threads sums in another order and rounds differently.
    """
    available = torch.get_num_threads()
    if available == 1 or step_flops(experiment, num_items) >= MIN_PARALLEL_FLOPS:
        return available
    log.info("using 1 of %d threads: batch too small to parallelise", available)
    return 1


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use `count` threads while the block runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
