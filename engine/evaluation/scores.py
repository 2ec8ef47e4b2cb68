"""How evaluation gets scores: by blocks of items or for chosen items, never users × items at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

_CACHED_ITEMS = 2048


class Scores(Protocol):
    """Scores of a batch of users, higher is better. Equal requests return equal scores."""

    def block(self, first: int, last: int) -> Tensor:
        """Return the scores of items first … last - 1: (batch, last - first), which the caller may overwrite."""

    def of(self, items: np.ndarray) -> Tensor:
        """Return the scores of items (batch, n) int64: (batch, n)."""


class Scorer(Protocol):
    """A model, as evaluation sees it."""

    def __call__(self, users: np.ndarray) -> Scores:
        """Return the scores of users (batch,), given their history in the phase. The batch may be empty."""


@dataclass(frozen=True)
class DotScores:
    """Scores hidden · weights + bias. hidden: (batch, width); weights: (items, width); bias: (items,)."""

    hidden: Tensor
    weights: Tensor
    bias: Tensor

    def block(self, first: int, last: int) -> Tensor:
        """Multiply by the block's weights; on CPU in several products, since one would not fit the cache."""
        weights, bias = self.weights[first:last], self.bias[first:last]
        if self.hidden.device.type != "cpu" or last - first <= _CACHED_ITEMS or torch.is_grad_enabled():
            return functional.linear(self.hidden, weights, bias)
        scores = self.hidden.new_empty(len(self.hidden), last - first)
        parts = (scores.split(_CACHED_ITEMS, 1), weights.split(_CACHED_ITEMS), bias.split(_CACHED_ITEMS))
        for out, part, part_bias in zip(*parts, strict=True):
            torch.addmm(part_bias, self.hidden, part.T, out=out)
        return scores

    def of(self, items: np.ndarray) -> Tensor:
        """Multiply by gathered weights, each product summed in the same order, so that equal items always tie."""
        index = torch.from_numpy(items).to(self.hidden.device)
        return (self.weights[index] * self.hidden[:, None, :]).sum(-1) + self.bias[index]
