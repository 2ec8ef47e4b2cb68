"""Lists of every user's best unseen items with their scores, from full rankings; exposure is measured on them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from engine.data.dataset import Dataset, Phase
from engine.evaluation.evaluator import Evaluator, batch_count
from engine.evaluation.fairness.rankings import Rankings, in_user_order
from engine.evaluation.scores import Scorer, Scores


@torch.no_grad()
def top_k_lists(
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
    """Return lists of at most `length` items for `users`, (n,) int64, all evaluated in the phase.

    evaluator: its only protocol is `full`. batches, on_batch: as in `Evaluator.rank`.
    """
    recorder = _ScoresRecorder(scorer)
    total = batch_count(len(users), batch_size, batches)
    parts = []
    for number in range(total):
        batch = users[number * batch_size : (number + 1) * batch_size]
        ranks = evaluator.rank(phase, recorder, batch, batch_size, batches=1, list_length=length)["full"]
        assert ranks.top is not None, "lists were requested"
        scores = scores_of(recorder.scores, ranks.top)
        parts.append(Rankings(batch, ranks.top, scores, dataset.targets(batch, phase)))
        if on_batch:
            on_batch(number + 1, total)
    return in_user_order(parts)


def scores_of(scores: Scores, items: np.ndarray) -> np.ndarray:
    """Return the scores of lists (users, k), -1 for no item: float64, -inf where there is no item."""
    values = scores.of(np.maximum(items, 0).astype(np.int64)).double().cpu().numpy()
    return np.where(items >= 0, values, -np.inf)


class _ScoresRecorder:
    """A scorer that keeps its last scores, so that those of a list can be read without another pass."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self.scores: Scores

    def __call__(self, users: np.ndarray) -> Scores:
        self.scores = self._scorer(users)
        return self.scores
