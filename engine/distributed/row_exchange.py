"""Collectives on rows: all-gather and reduce-scatter with a different number of rows per rank."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional


class RowExchange:
    """Collectives on tensors whose first dimension may differ between ranks. All ranks must call them alike."""

    def __init__(self, rank: int, world_size: int) -> None:
        self.rank, self.world_size = rank, world_size

    def counts(self, mine: Tensor) -> list[int]:
        """Return the number of rows of each rank's tensor, in rank order."""
        own = torch.tensor([len(mine)], device=mine.device)
        return self._all(own).tolist()

    def gather_rows(self, mine: Tensor, counts: Sequence[int]) -> Tensor:
        """Return every rank's rows, one rank after another: (sum of counts, …). mine: (counts[rank], …)."""
        if self.world_size == 1:
            return mine
        padded = self._all(_padded(mine, max(counts)))
        return padded[_row_mask(counts, padded.device)]

    def scatter_sum(self, rows: Tensor, counts: Sequence[int]) -> Tensor:
        """Sum the rows over ranks and return this rank's: (sum of counts, …) → (counts[rank], …)."""
        if self.world_size == 1:
            return rows
        longest = max(counts)
        padded = rows.new_zeros((longest * self.world_size, *rows.shape[1:]))
        padded[_row_mask(counts, rows.device)] = rows
        own = rows.new_empty((longest, *rows.shape[1:]))
        dist.reduce_scatter_single(own, padded)
        return own[: counts[self.rank]]

    def sum(self, tensor: Tensor) -> Tensor:
        """Sum the tensor over ranks in place, and return it."""
        if self.world_size > 1 and tensor.numel():
            dist.all_reduce(tensor)
        return tensor

    def own(self, rows: Tensor, counts: Sequence[int]) -> Tensor:
        """Return this rank's part of gathered rows."""
        first = sum(counts[: self.rank])
        return rows[first : first + counts[self.rank]]

    def stacked(self, mine: Tensor) -> Tensor:
        """Return the tensors of all ranks, which have the same shape: (world_size, …)."""
        return self._all(mine).view(self.world_size, *mine.shape)

    def _all(self, mine: Tensor) -> Tensor:
        """Concatenate the tensors of all ranks, (n, …) each: (world_size × n, …)."""
        if self.world_size == 1:
            return mine
        gathered = mine.new_empty((len(mine) * self.world_size, *mine.shape[1:]))
        if gathered.numel():
            dist.all_gather_single(gathered, mine.contiguous())
        return gathered


def _padded(rows: Tensor, length: int) -> Tensor:
    return functional.pad(rows, [0, 0] * (rows.dim() - 1) + [0, length - len(rows)])


def _row_mask(counts: Sequence[int], device: torch.device) -> Tensor:
    """Mask the padding: (ranks × longest,) bool, true where a row is real."""
    places = torch.arange(max(counts), device=device)
    return (places < torch.tensor(counts, device=device)[:, None]).flatten()
