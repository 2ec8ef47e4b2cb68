"""Each user's candidates in order with their scores, and the log-probabilities that a softmax over them gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.evaluation.full_ranking import Excluded, blocks_of, exclude
from engine.evaluation.scores import Scores
from engine.evaluation.top_k import TopItems

_PIECE = 256  # candidates of a user scored at a time


@dataclass(frozen=True, eq=False)
class RankedCandidates:
    """Rows of (users, k), best first; of equal scores the smaller item index comes first.

    items: int64, -1 where a user has fewer. scores: float64, the model's own, -inf for none. totals: (users,)
    float64, the log of the sum of the exponentials of all candidates' scores, also of those that are not listed.
    """

    items: np.ndarray
    scores: np.ndarray
    totals: np.ndarray

    @property
    def log_probabilities(self) -> np.ndarray:
        """(users, k) float64: log-softmax over all candidates."""
        return np.asarray(self.scores - self.totals[:, None])


def rank_candidates(scores: Scores, targets: np.ndarray, negatives: np.ndarray) -> RankedCandidates:
    """The target (users,) and the negatives (users, n), -1 for none: the candidates of a sampled protocol."""
    candidates = np.concatenate([targets[:, None].astype(np.int64), negatives], axis=1)
    pieces = range(0, candidates.shape[1], _PIECE)
    parts = [scores.of(np.maximum(candidates[:, first : first + _PIECE], 0)) for first in pieces]
    found = torch.cat(parts, 1).double().cpu().numpy()
    found[candidates < 0] = -np.inf
    order = np.lexsort((candidates, -found), axis=-1)
    found, items = (np.take_along_axis(part, order, axis=1) for part in (found, candidates))
    return RankedCandidates(items, found, np.logaddexp.reduce(found, axis=1))


def rank_everything(
    scores: Scores, excluded: Excluded, num_items: int, block: int, length: int
) -> RankedCandidates:
    """The first `length` of all items but the excluded, scored `block` at a time."""
    return as_ranked(
        *best_and_total(scores, excluded, blocks_of(num_items, block), length, scores.block(0, 1))
    )


def best_and_total(
    scores: Scores, excluded: Excluded, blocks: Iterable[tuple[int, int]], length: int, like: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Scores and items of the best, (users, length) each, and totals (users,) float64, over the items in the blocks.

    like: (users, …), a tensor of the type and device of scores, for where there is no block.
    """
    top = TopItems(length)
    total = torch.full((len(like),), -torch.inf, dtype=torch.float64, device=like.device)
    for first, last in blocks:
        found = scores.block(first, last)
        exclude(found, excluded.within(first, last))
        top.add(found, first)
        total = torch.logaddexp(total, found.double().logsumexp(1))
    return *top.best(like), total


def as_ranked(scores: Tensor, items: Tensor, totals: Tensor) -> RankedCandidates:
    """Of the best's scores, items (users, k) and totals (users,)."""
    shown = torch.where(scores == -torch.inf, -1, items)
    return RankedCandidates(shown.cpu().numpy(), scores.double().cpu().numpy(), totals.cpu().numpy())
