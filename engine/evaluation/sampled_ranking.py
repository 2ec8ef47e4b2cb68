"""The protocols `popular-N` and `uniform-N`: rank held-out items among N negatives, scoring no other item."""

from __future__ import annotations

import numpy as np
import torch

from engine.contract.ranks.user_ranks import UserRanks, ranks_of_counts
from engine.evaluation.ranks import rank_among
from engine.evaluation.scores import Scores

_CANDIDATES = 256  # candidates of a user scored at a time


def rank_sampled(users: np.ndarray, targets: np.ndarray, scores: Scores, negatives: np.ndarray) -> UserRanks:
    """Ranks among the target and the negatives, (n, count) and -1 for none. Counts of pieces of them add up."""
    counts = torch.zeros((2, len(users)), dtype=torch.int64)
    for first in range(0, negatives.shape[1], _CANDIDATES):
        piece = negatives[:, first : first + _CANDIDATES].astype(np.int64)
        found = scores.of(np.concatenate([targets[:, None].astype(np.int64), np.maximum(piece, 0)], axis=1))
        valid = torch.from_numpy(piece >= 0).to(found.device)
        counts += torch.stack(rank_among(found[:, 0], found[:, 1:], valid)).cpu()
    return ranks_of_counts(users, counts[0].numpy(), counts[1].numpy(), 1 + np.sum(negatives >= 0, axis=1))
