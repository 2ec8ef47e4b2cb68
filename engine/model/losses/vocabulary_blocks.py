"""Logits a block of the vocabulary at a time, which a softmax over many items goes through."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

CELLS = (
    1 << 19
)  # logits of a block on CPU: 2 MiB in float32, which stay in its cache from one pass to the next
CUDA_CELLS = 1 << 26
KEPT_CELLS = 1 << 24  # up to 64 MiB of them wait for the second pass; more are computed again


def blocks_of_items(hidden: Tensor, weights: Tensor, least: int) -> Iterator[slice]:
    """Slices of the rows of `weights`, at least `least` rows each, so that products are not all overhead."""
    cells = CELLS if hidden.device.type == "cpu" else CUDA_CELLS
    size = max(least, cells // max(1, len(hidden)))
    size = 1 << (size - 1).bit_length()  # few sizes: oneDNN makes a bfloat16 kernel for each
    return (slice(first, first + size) for first in range(0, len(weights), size))


def can_keep(hidden: Tensor, weights: Tensor) -> bool:
    """Whether all blocks of one pass may wait in memory for the next."""
    return len(hidden) * len(weights) <= KEPT_CELLS


def logits_of(hidden: Tensor, weights: Tensor, bias: Tensor, block: slice) -> Tensor:
    """hidden · weights + bias of the block's items: (rows of hidden, items of the block)."""
    return torch.addmm(bias[block], hidden, weights[block].t())
