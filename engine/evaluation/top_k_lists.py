"""Every user's best unseen items with their scores, from full rankings: what exposure is measured on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from engine.data.dataset import Dataset, Phase
from engine.evaluation.evaluator import Evaluator, batch_count
from engine.evaluation.fairness.rankings import Rankings, in_user_order
from engine.evaluation.scores import Scorer, Scores


@torch.no_grad()
def top_lists(
    dataset: Dataset,
    evaluator: Evaluator,
    scorer: Scorer,
    users: np.ndarray,
    phase: Phase,
    length: int,
    batch_size: int,
    batches: int | None = None,
    on_batch: Callable[[int, int], None] | None = None,
) -> Rankings:
    """Lists of at most `length` items for `users`, (n,) int64, all evaluated in the phase.

    evaluator: one whose protocols are `full` alone. batches, on_batch: as in `Evaluator.rank`.
    """
    kept = _Kept(scorer)
    total = batch_count(len(users), batch_size, batches)
    parts = []
    for number in range(total):
        asked = users[number * batch_size : (number + 1) * batch_size]
        ranks = evaluator.rank(phase, kept, asked, batch_size, batches=1, list_length=length)["full"]
        assert ranks.top is not None, "lists were asked for"
        scores = scores_of(kept.scores, ranks.top)
        parts.append(Rankings(asked, ranks.top, scores, dataset.targets(asked, phase)))
        if on_batch:
            on_batch(number + 1, total)
    return in_user_order(parts)


def scores_of(scores: Scores, items: np.ndarray) -> np.ndarray:
    """The scores of lists (users, k), -1 for none: float64, -inf where there is no item."""
    found = scores.of(np.maximum(items, 0).astype(np.int64)).double().cpu().numpy()
    return np.where(items >= 0, found, -np.inf)


class _Kept:
    """A scorer that keeps the scores it gave last, so that a list's own can be read without another pass."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self.scores: Scores

    def __call__(self, users: np.ndarray) -> Scores:
        self.scores = self._scorer(users)
        return self.scores
