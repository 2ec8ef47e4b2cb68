"""Scores from a table, in place of a model's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class TableScores:
    """Given scores, for few items. table: (batch, items)."""

    table: Tensor

    def block(self, first: int, last: int) -> Tensor:
        """Return a copy of the columns."""
        return self.table[:, first:last].clone()

    def of(self, items: np.ndarray) -> Tensor:
        """Return the cells of the items."""
        return self.table.gather(1, torch.from_numpy(items).to(self.table.device))
