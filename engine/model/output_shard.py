"""What the model asks of a part of the output layer, where other ranks hold the rest of it."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class PartOfOutput(Protocol):
    """Some rows of the output layer, and a way to those of others. All methods are collectives."""

    def full_softmax(self, hidden: Tensor, targets: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
        """As `losses.full.full_softmax`, with this part's weights and biases."""

    def look_up(self, items: Tensor, table: Tensor) -> Tensor:
        """Rows of items (n,) of the whole vocabulary, given this part's rows: (n, width)."""
