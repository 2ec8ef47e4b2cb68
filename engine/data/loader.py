"""Batches for training and evaluation, made by vectorised code from a data set's arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace

import numpy as np
import torch
from torch import Tensor

from engine.config import TrainingConfig
from engine.data.dataset import Dataset, Phase
from engine.data.masking import mask_batch
from engine.data.ragged import row_starts, take_ranges
from engine.data.random_numbers import hashed
from engine.data.shared_negatives import SharedNegatives
from engine.data.windows import cut_windows


@dataclass(frozen=True)
class Batch:
    """Sequences one after another, and where the model has to predict.

    items: (tokens,) int64, the mask token is num_items; lengths: (sequences,) int64; positions: (predictions,)
    int64 into items; targets: (predictions,) int64 item indices, empty in evaluation. negatives: (n,) int64, items
    that all targets share as negatives, and log_counts: (n,) float32, the log of how often each is expected among
    them; both empty where the loss takes all items.
    """

    items: Tensor
    lengths: Tensor
    positions: Tensor
    targets: Tensor
    negatives: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    log_counts: Tensor = field(default_factory=lambda: torch.empty(0))

    def to(self, device: torch.device) -> Batch:
        """The same batch on `device`; pinned and asynchronous where that is a GPU."""
        if device.type == "cpu":
            return self
        parts: list[Tensor] = [getattr(self, part.name) for part in fields(self)]
        return Batch(*(part.pin_memory().to(device, non_blocking=True) for part in parts))


class TrainLoader:
    """The masked batches of one rank.

    An epoch holds every training window dupe_factor times, each masked anew, in an order drawn from (seed,
    epoch). A step takes the next train_batch_size × world_size samples of that order, and a rank every
    world_size-th of them: together the ranks see exactly what one rank with the whole batch would.
    """

    def __init__(
        self, dataset: Dataset, max_len: int, config: TrainingConfig, rank: int = 0, world_size: int = 1
    ) -> None:
        self._dataset, self._config = dataset, config
        self._rank, self._world_size = rank, world_size
        self._windows = cut_windows(dataset, max_len)
        self._negatives = SharedNegatives(dataset, config)
        self.samples = len(self._windows) * config.dupe_factor
        self.global_batch = config.train_batch_size * world_size
        self.steps = -(-self.samples // self.global_batch)

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from `first_step` on; those before it cost nothing.

        A rank with no sample in a short last step gets one without targets, since all ranks must take part in
        every step.
        """
        order = self._order(epoch)
        for step in range(first_step, self.steps):
            block = order[step * self.global_batch : (step + 1) * self.global_batch]
            mine = block[self._rank :: self._world_size]
            batch = self._batch(mine, epoch) if len(mine) else self._weightless(block[:1], epoch)
            negatives, log_counts = self._negatives.draw(epoch, step)
            yield replace(
                batch, negatives=torch.from_numpy(negatives), log_counts=torch.from_numpy(log_counts)
            )

    def _weightless(self, samples: np.ndarray, epoch: int) -> Batch:
        nothing = torch.empty(0, dtype=torch.int64)
        return replace(self._batch(samples, epoch), positions=nothing, targets=nothing)

    def _order(self, epoch: int) -> np.ndarray:
        key = int(hashed(self._config.seed, "order", epoch))
        return np.random.Generator(np.random.Philox(key=key)).permutation(self.samples)

    def _batch(self, samples: np.ndarray, epoch: int) -> Batch:
        windows = samples % len(self._windows)
        lengths = self._windows.ends[windows] - self._windows.starts[windows]
        by_length = np.argsort(lengths, kind="stable")
        samples, windows, lengths = samples[by_length], windows[by_length], lengths[by_length]
        starts = self._windows.starts[windows]
        cloze = mask_batch(
            take_ranges(self._dataset.items, starts, lengths),
            lengths,
            samples,
            epoch=epoch,
            seed=self._config.seed,
            mask_prob=self._config.mask_prob,
            num_items=self._dataset.num_items,
        )
        return _to_batch(cloze.inputs, lengths, cloze.positions, cloze.targets)


def evaluation_batch(dataset: Dataset, users: np.ndarray, phase: Phase, max_len: int) -> Batch:
    """Each user's latest history with a mask token at its end, where the held-out item stood.

    users: (users,) indices; phase: "validate" or "test". The prediction of row i is for users[i].
    """
    starts, ends = dataset.history_bounds(users, phase)
    starts = np.maximum(starts, ends - (max_len - 1))
    lengths = ends - starts + 1
    ends_in_batch = row_starts(lengths) + lengths - 1
    items = np.full(int(lengths.sum()), dataset.num_items, dtype=np.int64)
    known = np.ones(len(items), dtype=bool)
    known[ends_in_batch] = False
    items[known] = take_ranges(dataset.items, starts, lengths - 1)
    return _to_batch(items, lengths, ends_in_batch, np.empty(0, np.int64))


def _to_batch(items: np.ndarray, lengths: np.ndarray, positions: np.ndarray, targets: np.ndarray) -> Batch:
    return Batch(
        *(torch.from_numpy(np.ascontiguousarray(a, np.int64)) for a in (items, lengths, positions, targets))
    )
