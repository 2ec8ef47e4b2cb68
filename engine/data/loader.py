"""Makes batches for training and evaluation from a data set's arrays, with vectorised code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
import torch
from torch import Tensor

from engine.contract.config.training import TrainingConfig
from engine.data.counter_rng import hashed
from engine.data.dataset import Dataset, Phase
from engine.data.masking import mask_batch
from engine.data.ragged import row_starts, take_ranges
from engine.data.training_negatives import SharedNegatives
from engine.data.windows import cut_windows

_TOGETHER = 4096  # tokens for which the overhead of NumPy calls is small


@dataclass(frozen=True)
class Batch:
    """Sequences one after another, and the positions to predict.

    items: (tokens,) int64, the mask token is num_items; lengths: (sequences,) int64; positions: (predictions,)
    int64 into items; targets: (predictions,) int64 item indices, empty in evaluation. negatives: (n,) int64, shared
    by all targets, and log_counts: (n,) float32, the log of their expected counts; both empty if the loss uses all
    items.
    """

    items: Tensor
    lengths: Tensor
    positions: Tensor
    targets: Tensor
    negatives: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    log_counts: Tensor = field(default_factory=lambda: torch.empty(0))

    def to(self, device: torch.device) -> Batch:
        """Copy the batch to `device`, from pinned memory and asynchronously if that is a GPU."""
        if device.type == "cpu":
            return self
        parts: list[Tensor] = [getattr(self, part.name) for part in fields(self)]
        return Batch(*(part.pin_memory().to(device, non_blocking=True) for part in parts))


class TrainLoader:
    """The masked batches of one rank.

    An epoch contains every training window dupe_factor times, each with its own mask, in an order drawn from (seed,
    epoch). A step takes the next train_batch_size × world_size samples of that order, and a rank every world_size-th
    of them, so the ranks together see what one rank with the global batch would. Small batches of `together`
    successive steps are made at once, since a call takes as long for fewer tokens.
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
        self.together = max(1, _TOGETHER // (config.train_batch_size * max_len))

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch from `first_step` on; skipped batches cost nothing.

        A rank without samples in a short last step gets one without targets, since all ranks must take part in
        every step.
        """
        order = self._order(epoch)
        for first in range(first_step, self.steps, self.together):
            steps = range(first, min(first + self.together, self.steps))
            blocks = [order[step * self.global_batch : (step + 1) * self.global_batch] for step in steps]
            mine = [block[self._rank :: self._world_size] for block in blocks]
            made = self._batches(
                [own if len(own) else block[:1] for own, block in zip(mine, blocks, strict=True)], epoch
            )
            for step, own, batch in zip(steps, mine, made, strict=True):
                negatives, log_counts = map(torch.from_numpy, self._negatives.draw(epoch, step))
                batch = replace(batch, negatives=negatives, log_counts=log_counts)
                yield batch if len(own) else _weightless(batch)

    def _order(self, epoch: int) -> np.ndarray:
        key = int(hashed(self._config.seed, "order", epoch))
        return np.random.Generator(np.random.Philox(key=key)).permutation(self.samples)

    def _batches(self, steps: Sequence[np.ndarray], epoch: int) -> Iterator[Batch]:
        """Yield a batch of each step's samples, with sequences sorted by length."""
        rows = np.array([len(samples) for samples in steps])
        samples = np.concatenate(steps)
        windows = samples % len(self._windows)
        lengths = self._windows.ends[windows] - self._windows.starts[windows]
        by_length = np.lexsort((lengths, np.repeat(np.arange(len(steps)), rows)))  # stable, within each step
        samples, windows, lengths = samples[by_length], windows[by_length], lengths[by_length]
        cloze = mask_batch(
            take_ranges(self._dataset.items, self._windows.starts[windows], lengths),
            lengths,
            samples,
            epoch=epoch,
            seed=self._config.seed,
            mask_prob=self._config.mask_prob,
            num_items=self._dataset.num_items,
        )
        return _cut(_to_batch(cloze.inputs, lengths, cloze.positions, cloze.targets), np.cumsum(rows))


def _cut(batch: Batch, row_ends: np.ndarray) -> Iterator[Batch]:
    """Split the batch into several of successive sequences. row_ends: (batches,), ascending to the last sequence."""
    token_ends = np.cumsum(batch.lengths.numpy())[row_ends - 1]
    target_ends = np.searchsorted(batch.positions.numpy(), token_ends)
    row = token = target = 0
    for ends in zip(row_ends.tolist(), token_ends.tolist(), target_ends.tolist(), strict=True):
        rows, tokens, targets = slice(row, ends[0]), slice(token, ends[1]), slice(target, ends[2])
        positions = batch.positions[targets] - token
        yield Batch(batch.items[tokens], batch.lengths[rows], positions, batch.targets[targets])
        row, token, target = ends


def _weightless(batch: Batch) -> Batch:
    nothing = torch.empty(0, dtype=torch.int64)
    return replace(batch, positions=nothing, targets=nothing)


def evaluation_batch(dataset: Dataset, users: np.ndarray, phase: Phase, max_len: int) -> Batch:
    """Return each user's latest history with a mask token at its end, in place of the held-out item.

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
