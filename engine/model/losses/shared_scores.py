"""Scores of a batch's targets and of the negatives that all of them share."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from engine.data.loader import Batch
from engine.model.bert4rec import BERT4Rec


@dataclass(frozen=True)
class SharedScores:
    """targets: (targets,) each target's own score; negatives: (targets, negatives), -inf where one is the target."""

    targets: Tensor
    negatives: Tensor


def shared_scores(model: BERT4Rec, hidden: Tensor, batch: Batch) -> SharedScores:
    """Return scores of a batch's hidden vectors, (targets, D), from the rows of the output layer that it needs.

    A negative that is a position's target (an accidental hit) would be pushed down and up at once, so it does not
    count there.
    """
    rows, biases = model.item_rows(torch.cat((batch.targets, batch.negatives)))
    count = len(batch.targets)
    positive = (hidden * rows[:count]).sum(1) + biases[:count]
    negative = functional.linear(hidden, rows[count:], biases[count:])
    hits = batch.targets[:, None] == batch.negatives
    return SharedScores(positive, negative.masked_fill(hits, -torch.inf))
