"""Hidden vectors and output layers that tests of the full softmax draw, and how they compare with torch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from engine.contract import kernel_sizes
from engine.model.losses import full_softmax as full_loss


def tensors(targets: int, items: int, width: int = 8, size: float = 1.0) -> tuple[list[Tensor], Tensor]:
    """Return hidden vectors, weights and biases that want gradients, and the targets."""
    generator = torch.Generator().manual_seed(targets * 1000 + items)
    hidden, weights = (size * torch.randn(rows, width, generator=generator) for rows in (targets, items))
    drawn = torch.randint(0, items, (targets,), generator=generator)
    leaves = [hidden, weights, torch.randn(items, generator=generator)]
    return [leaf.requires_grad_() for leaf in leaves], drawn


def in_blocks(patch: pytest.MonkeyPatch) -> None:
    """Cut even a small vocabulary into several blocks."""
    patch.setattr(full_loss, "MIN_ITEMS", 3)
    patch.setattr(kernel_sizes, "BLOCK_LOGITS", 16)
