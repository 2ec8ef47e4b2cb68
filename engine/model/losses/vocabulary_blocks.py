"""Logits one block of the vocabulary at a time, for a softmax over many items."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from engine.contract import kernel_sizes


def blocks_of_items(hidden: Tensor, weights: Tensor, least: int) -> Iterator[slice]:
    """Yield slices of the rows of `weights`, at least `least` rows each, so that overhead does not dominate."""
    on_cpu = hidden.device.type == "cpu"
    cells = kernel_sizes.BLOCK_LOGITS if on_cpu else kernel_sizes.CUDA_BLOCK_LOGITS
    size = max(least, cells // max(1, len(hidden)))
    size = 1 << (size - 1).bit_length()  # few sizes: oneDNN makes a bfloat16 kernel for each
    return (slice(first, first + size) for first in range(0, len(weights), size))


def can_keep(hidden: Tensor, weights: Tensor) -> bool:
    """Return whether all blocks of one pass may wait in memory for the next."""
    return len(hidden) * len(weights) <= kernel_sizes.RETAINED_LOGITS


def logits_of(hidden: Tensor, weights: Tensor, bias: Tensor, block: slice) -> Tensor:
    """Return hidden · weights + bias of the block's items: (rows of hidden, items of the block)."""
    return torch.addmm(bias[block], hidden, weights[block].t())
