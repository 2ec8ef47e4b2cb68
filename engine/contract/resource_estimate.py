"""Estimates the memory and disk that a run takes. The app checks it before a launch.

All numbers are bytes of one rank, in float32; docs/troubleshooting.md has the formula and what was measured.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from engine.contract import kernel_sizes
from engine.contract.config.experiment import Experiment

FLOAT = 4
BASE = 450 << 20  # Python with torch, TorchRec and FBGEMM loaded
READ_BYTES = 120  # an interaction takes while a data set is read, filtered and ordered
KNOWN_SIZES = {  # interactions, users and items before filters
    "ml-100k": (100_000, 943, 1_682),
    "ml-1m": (1_000_209, 6_040, 3_706),
    "ml-20m": (20_000_263, 138_493, 26_744),
}


@dataclass(frozen=True)
class DataSize:
    """The maximum size of a data set, before filters."""

    interactions: int
    users: int
    items: int


@dataclass(frozen=True)
class Estimate:
    """Bytes of the rank that needs most. state: weights, gradients and optimiser states, which are exact.

    checkpoint: one epoch's file; last: `checkpoints/last`, all ranks together.
    """

    base: int
    state: int
    activations: int
    logits: int
    data: int
    evaluation: int
    checkpoint: int
    last: int

    @property
    def memory(self) -> int:
        """Total memory of a rank; training and evaluation alternate, and reading comes before both."""
        working = max(self.activations + self.logits, self.evaluation)
        return self.base + max(self.state + working, self.data)


def known_size(experiment: Experiment) -> DataSize | None:
    """Return the size of a data set that is generated or well known; None if it must be read first."""
    data = experiment.data
    if data.dataset_name in ("random", "synthetic"):
        return DataSize(data.random_size, data.random_user_count, data.random_item_count)
    sizes = KNOWN_SIZES.get(data.dataset_name)
    return DataSize(*sizes) if sizes else None


def estimate(experiment: Experiment, size: DataSize) -> Estimate:
    """Estimate a run of the experiment on data of that size."""
    table, output, dense = _parameters(experiment, size.items)
    whole = table + output + dense
    return Estimate(
        base=BASE,
        state=_state(experiment, table, output, dense),
        activations=_activations(experiment),
        logits=_logits(experiment, size.items),
        data=READ_BYTES * size.interactions,
        evaluation=min(experiment.evaluation.block_mb * 2**20, 4 * FLOAT * size.users * size.items)
        + FLOAT * size.items * 2
        + FLOAT
        * 20
        * experiment.evaluation.val_batch_size
        * experiment.model.max_len
        * experiment.model.emb_dim,
        checkpoint=FLOAT * whole + 16 * size.items,
        last=3 * FLOAT * whole,
    )


def _parameters(experiment: Experiment, items: int) -> tuple[int, int, int]:
    """Count the parameters of the item table, of the output layer, and of the rest of the model."""
    model, width = experiment.model, experiment.model.emb_dim
    block = 12 * width * width + 13 * width
    dense = model.num_layers * block + width * (model.max_len + width + 7)
    return (items + 1) * width, items * (1 if model.tie_output else width + 1), dense


def _state(experiment: Experiment, table: int, output: int, dense: int) -> int:
    """Count weights, gradients and Adam's two moments, and with several ranks the gradients' send buffer.

    In dmp the table and the output layer are sharded; the table's fused optimiser on CPU keeps one number per row.
    """
    launch = experiment.launch
    copies = 4 if launch.ranks == 1 else 5
    if launch.mode == "ddp":
        of_threads = (_workers(experiment) - 1) * (output + dense)  # gradients of the threads but the first
        return FLOAT * (copies * (table + output + dense) + of_threads)
    return FLOAT * (copies * dense + (2 * table + 4 * output) // launch.ranks)


def _workers(experiment: Experiment) -> int:
    """Return the number of threads that work on chunks of their own."""
    launch = experiment.launch
    threads = launch.threads or max(1, (os.cpu_count() or 1) // launch.ranks)
    batch = experiment.training.train_batch_size * experiment.model.max_len
    return max(1, min(threads, batch // kernel_sizes.MIN_CHUNK_TOKENS))


def _tokens(experiment: Experiment) -> int:
    """Tokens that go through the transformer at once."""
    batch = experiment.training.train_batch_size * experiment.model.max_len
    if experiment.training.loss != "full" or experiment.launch.mode != "ddp":
        return batch
    chunk = max(kernel_sizes.CHUNK_TOKENS, experiment.model.max_len)
    return min(batch, _workers(experiment) * chunk)


def _activations(experiment: Experiment) -> int:
    """Count what backward needs: about 24 vectors per token and block, and three attention rows per head."""
    model, tokens = experiment.model, _tokens(experiment)
    inside = tokens * model.num_layers * (24 * model.emb_dim + 3 * model.nhead * model.max_len)
    batch = experiment.training.train_batch_size * model.max_len * model.emb_dim
    return FLOAT * (inside + 3 * batch)


def _logits(experiment: Experiment, items: int) -> int:
    """Blocks of them, or all where they are few; with a sampled loss those of the negatives, and their gradient."""
    targets = max(1, int(_tokens(experiment) * experiment.training.mask_prob))
    if experiment.training.loss == "full":
        cells = targets * items
        by_blocks = max(kernel_sizes.BLOCK_LOGITS, 2048 * targets)
        return FLOAT * (cells if cells <= kernel_sizes.RETAINED_LOGITS else by_blocks)
    negatives = experiment.training.num_negatives or kernel_sizes.DEFAULT_NEGATIVES
    return FLOAT * 3 * targets * min(negatives, items)
