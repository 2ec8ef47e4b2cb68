"""Histories to check exported models on: one or several rows, short to longest, with and without padding."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.serving.loaded_model import LoadedModel
from engine.serving.padded_bert4rec import PADDING


def histories_to_try(trained: LoadedModel) -> list[Tensor]:
    """Return random histories, (batch, length) int64 each; of several rows the first is all padding."""
    generator, longest = torch.Generator().manual_seed(0), trained.longest
    shapes = [(1, 1), (1, longest), (3, min(2, longest)), (5, -(-longest // 2)), (2, longest)]
    batches = []
    for rows, length in dict.fromkeys(shapes):
        items = torch.randint(trained.model.num_items, (rows, length), generator=generator)
        paddings = torch.arange(rows).flip(0)[:, None] * length // max(1, rows - 1)
        batches.append(items.masked_fill(torch.arange(length) < paddings, PADDING))
    return batches
