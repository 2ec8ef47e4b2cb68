"""How evaluation asks for scores: a block of items at a time, or those of chosen items, never users × items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

_CACHED_ITEMS = 2048


class Scores(Protocol):
    """Scores of a batch of users, higher is better. The same item has the same score in any equal request."""

    def block(self, first: int, last: int) -> Tensor:
        """Of the items first … last - 1: (batch, last - first), a tensor that the caller may overwrite."""

    def of(self, items: np.ndarray) -> Tensor:
        """Of the items (batch, n) int64: (batch, n)."""


class Scorer(Protocol):
    """A model, as evaluation sees it."""

    def __call__(self, users: np.ndarray) -> Scores:
        """Scores of users (batch,), given what is known of them in the phase. The batch may be empty."""


@dataclass(frozen=True)
class DotScores:
    """hidden · weights of an item + its bias. hidden: (batch, width); weights: (items, width); bias: (items,)."""

    hidden: Tensor
    weights: Tensor
    bias: Tensor

    def block(self, first: int, last: int) -> Tensor:
        """Matrix products with the block's weights; on CPU several, as one of them would spill out of its cache."""
        weights, bias = self.weights[first:last], self.bias[first:last]
        if self.hidden.device.type != "cpu" or last - first <= _CACHED_ITEMS or torch.is_grad_enabled():
            return functional.linear(self.hidden, weights, bias)
        scores = self.hidden.new_empty(len(self.hidden), last - first)
        parts = (scores.split(_CACHED_ITEMS, 1), weights.split(_CACHED_ITEMS), bias.split(_CACHED_ITEMS))
        for out, some, added in zip(*parts, strict=True):
            torch.addmm(added, self.hidden, some.T, out=out)
        return scores

    def of(self, items: np.ndarray) -> Tensor:
        """Products with gathered weights, each summed alike, so that equal items tie at any place."""
        wanted = torch.from_numpy(items).to(self.hidden.device)
        return (self.weights[wanted] * self.hidden[:, None, :]).sum(-1) + self.bias[wanted]


@dataclass(frozen=True)
class TableScores:
    """Scores made beforehand, for few items: (batch, items)."""

    table: Tensor

    def block(self, first: int, last: int) -> Tensor:
        """A copy of the columns."""
        return self.table[:, first:last].clone()

    def of(self, items: np.ndarray) -> Tensor:
        """The cells of the items."""
        return self.table.gather(1, torch.from_numpy(items).to(self.table.device))
