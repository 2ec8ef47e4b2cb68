"""Interface to an output layer that is sharded: this rank has some rows of it, other ranks the rest."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class PartOfOutput(Protocol):
    """Some rows of the output layer, and access to those of other ranks. All methods are collectives."""

    def full_softmax(self, hidden: Tensor, targets: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
        """Return the loss of `losses.full_softmax.full_softmax`, given this part's weights and biases."""

    def look_up(self, items: Tensor, table: Tensor) -> Tensor:
        """Return the rows of items (n,) of the full vocabulary, given this part's rows: (n, D)."""
