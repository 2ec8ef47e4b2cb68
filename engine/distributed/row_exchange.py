"""Rows that ranks hand to each other: gathered from all, summed and given back, any number of them a rank."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional


class Exchange:
    """Collectives on tensors whose first dimension may differ from rank to rank. All ranks must call them alike."""

    def __init__(self, rank: int, world_size: int) -> None:
        self.rank, self.world_size = rank, world_size

    def counts(self, mine: Tensor) -> list[int]:
        """Rows of each rank's tensor, in rank order."""
        own = torch.tensor([len(mine)], device=mine.device)
        return self._all(own).tolist()

    def gather_rows(self, mine: Tensor, counts: Sequence[int]) -> Tensor:
        """Every rank's rows, one rank after another: (sum of counts, …). mine: (counts[rank], …)."""
        if self.world_size == 1:
            return mine
        found = self._all(_padded(mine, max(counts)))
        return found[_kept(counts, found.device)]

    def scatter_sum(self, rows: Tensor, counts: Sequence[int]) -> Tensor:
        """Each rank's rows of the sum over ranks: (sum of counts, …) → (counts[rank], …)."""
        if self.world_size == 1:
            return rows
        longest = max(counts)
        padded = rows.new_zeros((longest * self.world_size, *rows.shape[1:]))
        padded[_kept(counts, rows.device)] = rows
        own = rows.new_empty((longest, *rows.shape[1:]))
        dist.reduce_scatter_single(own, padded)
        return own[: counts[self.rank]]

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over ranks, in place."""
        if self.world_size > 1 and tensor.numel():
            dist.all_reduce(tensor)
        return tensor

    def own(self, rows: Tensor, counts: Sequence[int]) -> Tensor:
        """This rank's part of rows that were gathered."""
        first = sum(counts[: self.rank])
        return rows[first : first + counts[self.rank]]

    def stacked(self, mine: Tensor) -> Tensor:
        """Tensors of one shape on all ranks: (world_size, …)."""
        return self._all(mine).view(self.world_size, *mine.shape)

    def _all(self, mine: Tensor) -> Tensor:
        """Tensors of one shape, (n, …) each: (world_size × n, …)."""
        if self.world_size == 1:
            return mine
        found = mine.new_empty((len(mine) * self.world_size, *mine.shape[1:]))
        if found.numel():
            dist.all_gather_single(found, mine.contiguous())
        return found


def _padded(rows: Tensor, length: int) -> Tensor:
    return functional.pad(rows, [0, 0] * (rows.dim() - 1) + [0, length - len(rows)])


def _kept(counts: Sequence[int], device: torch.device) -> Tensor:
    """Which of the padded rows are real: (ranks × longest,) bool."""
    places = torch.arange(max(counts), device=device)
    return (places < torch.tensor(counts, device=device)[:, None]).flatten()
