"""The protocols `popular-N` and `uniform-N`: rank held-out items among N negatives, without scoring other items."""

from __future__ import annotations

import numpy as np
import torch

from engine.contract.ranks.user_ranks import UserRanks, ranks_of_counts
from engine.evaluation.ranks import rank_among
from engine.evaluation.scores import Scores

_CANDIDATES = 256  # candidates per user scored at a time


def rank_sampled(users: np.ndarray, targets: np.ndarray, scores: Scores, negatives: np.ndarray) -> UserRanks:
    """Rank targets among their negatives, (n, count), -1 for none. The counts of chunks of negatives add up."""
    counts = torch.zeros((2, len(users)), dtype=torch.int64)
    for first in range(0, negatives.shape[1], _CANDIDATES):
        chunk = negatives[:, first : first + _CANDIDATES].astype(np.int64)
        values = scores.of(np.concatenate([targets[:, None].astype(np.int64), np.maximum(chunk, 0)], axis=1))
        valid = torch.from_numpy(chunk >= 0).to(values.device)
        counts += torch.stack(rank_among(values[:, 0], values[:, 1:], valid)).cpu()
    return ranks_of_counts(users, counts[0].numpy(), counts[1].numpy(), 1 + np.sum(negatives >= 0, axis=1))
