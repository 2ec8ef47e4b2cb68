"""Cross-entropy over all items."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def full_softmax(hidden: Tensor, targets: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    """Sum over the targets of -log softmax(hidden · weights + bias)[target], a scalar.

    hidden: (targets, width); targets: (targets,) int64; weights: (items, width); bias: (items,).
    """
    return functional.cross_entropy(functional.linear(hidden, weights, bias), targets, reduction="sum")
