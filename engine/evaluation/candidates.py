"""Sorts each user's candidates by score, with their log-probabilities by a softmax over all candidates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.evaluation.full_ranking import Excluded, blocks_of, exclude
from engine.evaluation.scores import Scores
from engine.evaluation.top_k import TopK

_CHUNK = 256  # candidates per user scored at a time


@dataclass(frozen=True, eq=False)
class RankedCandidates:
    """Candidates as rows of (users, k), best first; of equal scores the smaller item index comes first.

    items: int64, -1 if a user has fewer. scores: float64, the model's, -inf for no item. totals: (users,) float64,
    the log-sum-exp of the scores of all candidates, listed or not.
    """

    items: np.ndarray
    scores: np.ndarray
    totals: np.ndarray

    @property
    def log_probabilities(self) -> np.ndarray:
        """Log-softmax over all candidates, (users, k) float64."""
        return np.asarray(self.scores - self.totals[:, None])


def rank_candidates(scores: Scores, targets: np.ndarray, negatives: np.ndarray) -> RankedCandidates:
    """Rank a sampled protocol's candidates: the target (users,) and the negatives (users, n), -1 for none."""
    candidates = np.concatenate([targets[:, None].astype(np.int64), negatives], axis=1)
    chunks = range(0, candidates.shape[1], _CHUNK)
    parts = [scores.of(np.maximum(candidates[:, first : first + _CHUNK], 0)) for first in chunks]
    values = torch.cat(parts, 1).double().cpu().numpy()
    values[candidates < 0] = -np.inf
    order = np.lexsort((candidates, -values), axis=-1)
    values, items = (np.take_along_axis(part, order, axis=1) for part in (values, candidates))
    return RankedCandidates(items, values, np.logaddexp.reduce(values, axis=1))


def rank_everything(
    scores: Scores, excluded: Excluded, num_items: int, block: int, length: int
) -> RankedCandidates:
    """Rank all items but the excluded, scored `block` at a time, and return the first `length`."""
    return as_ranked(
        *best_and_total(scores, excluded, blocks_of(num_items, block), length, scores.block(0, 1))
    )


def best_and_total(
    scores: Scores, excluded: Excluded, blocks: Iterable[tuple[int, int]], length: int, like: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return scores and items of the best, (users, length) each, and totals (users,) float64, over all blocks.

    like: (users, …), a tensor with the dtype and device of scores, in case there is no block.
    """
    top = TopK(length)
    total = torch.full((len(like),), -torch.inf, dtype=torch.float64, device=like.device)
    for first, last in blocks:
        block = scores.block(first, last)
        exclude(block, excluded.within(first, last))
        top.add(block, first)
        total = torch.logaddexp(total, block.double().logsumexp(1))
    return *top.best(like), total


def as_ranked(scores: Tensor, items: Tensor, totals: Tensor) -> RankedCandidates:
    """Return the candidates with these scores and items (users, k), and totals (users,)."""
    shown = torch.where(scores == -torch.inf, -1, items)
    return RankedCandidates(shown.cpu().numpy(), scores.double().cpu().numpy(), totals.cpu().numpy())
