"""Ranks the held-out items of users under several protocols, with one pass of scoring for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from engine.data.dataset import PHASES, Dataset, Phase
from engine.data.negatives import sample_negatives, users_short_of
from engine.data.seen import seen_keys
from engine.evaluation.protocols import EvaluationProtocol, parse_protocol
from engine.evaluation.ranks import rank_among, rank_of_target
from engine.evaluation.user_ranks import UserRanks, concatenate


class Scorer(Protocol):
    """A model, as evaluation sees it."""

    def __call__(self, users: np.ndarray) -> Tensor:
        """Scores (batch, items), higher is better, of users (batch,) given what is known of them in the phase.

        The batch may be empty. The evaluator overwrites the tensor it is given.
        """


class Evaluator:
    """Ranks users under `protocols`. Their negatives are drawn once and kept while the users stay the same.

    short_users: sampled protocol → number of the users evaluated in any phase with too few candidates for its
    negatives, only where there are any.
    """

    def __init__(self, dataset: Dataset, protocols: Sequence[str], seed: int) -> None:
        """seed: of the negatives. Raises B4RError for an unknown protocol."""
        self._dataset = dataset
        self._protocols = [parse_protocol(name) for name in protocols]
        self._seed = seed
        self._users = np.empty(0, dtype=np.int64)
        self._negatives: dict[str, np.ndarray] = {}
        self.short_users = _short_users(dataset, self._protocols)

    def rank(
        self,
        phase: Phase,
        scorer: Scorer,
        users: np.ndarray,
        batch_size: int,
        batches: int | None = None,
        on_batch: Callable[[int, int], None] | None = None,
    ) -> dict[str, UserRanks]:
        """Protocol → ranks of `users`, in the order of `users`, whose held-out items are those of the phase.

        users: (n,) int64, of `dataset.evaluated_users(phase)`. batches: how often to call the scorer, at least
        n / batch_size; calls beyond the last user get no users, which keeps the ranks of a collective in step.
        on_batch: told the number of batches done, and of all. Raises B4RError where scores are not finite.
        """
        self._draw_negatives(users)
        total = batch_count(len(users), batch_size, batches)
        parts: dict[str, list[UserRanks]] = {protocol.name: [] for protocol in self._protocols}
        for number in range(total):
            rows = slice(number * batch_size, (number + 1) * batch_size)
            scores = scorer(users[rows])
            for name, ranks in self._rank_batch(phase, scores, users[rows], rows).items():
                parts[name].append(ranks)
            if on_batch:
                on_batch(number + 1, total)
        return {name: concatenate(ranks) for name, ranks in parts.items()}

    def _draw_negatives(self, users: np.ndarray) -> None:
        if np.array_equal(users, self._users) and self._negatives:
            return
        self._negatives = {
            protocol.name: sample_negatives(
                self._dataset, users, protocol.count, protocol.weights, self._seed
            )
            for protocol in self._protocols
            if protocol.weights
        }
        self._users = users.copy()

    def _rank_batch(
        self, phase: Phase, scores: Tensor, users: np.ndarray, rows: slice
    ) -> dict[str, UserRanks]:
        """Ranks by protocol, in any order: `full` overwrites scores, so the sampled ones come first."""
        if scores.shape != (len(users), self._dataset.num_items):
            raise ValueError(
                f"the scorer gave {tuple(scores.shape)}, not {(len(users), self._dataset.num_items)}"
            )
        targets = self._dataset.targets(users, phase)
        ranks = {
            name: rank_sampled(users, targets, scores, negatives[rows])
            for name, negatives in self._negatives.items()
        }
        if any(protocol.weights is None for protocol in self._protocols):
            excluded = history_but_target(self._dataset, users, targets, phase)
            ranks["full"] = rank_full(users, targets, scores, *excluded)
        return ranks


def batch_count(users: int, batch_size: int, batches: int | None = None) -> int:
    """Batches that `users` users fill, or `batches`, which must not be fewer (ValueError)."""
    needed = -(-users // batch_size)
    if batches is not None and batches < needed:
        raise ValueError(f"{users} users in batches of {batch_size} need {needed} batches, not {batches}")
    return needed if batches is None else batches


def rank_sampled(users: np.ndarray, targets: np.ndarray, scores: Tensor, negatives: np.ndarray) -> UserRanks:
    """Ranks among the target and the negatives. scores: (n, items). negatives: (n, count), -1 for none."""
    items = _on(scores, negatives)
    valid = items >= 0
    target_scores = scores.gather(1, _on(scores, targets)[:, None])[:, 0]
    better, ties = rank_among(target_scores, scores.gather(1, items.clamp(min=0)), valid)
    return _user_ranks(users, better, ties, 1 + np.sum(negatives >= 0, axis=1))


def rank_full(
    users: np.ndarray, targets: np.ndarray, scores: Tensor, rows: np.ndarray, items: np.ndarray
) -> UserRanks:
    """Ranks among all items but `items[i]` for row `rows[i]`: distinct pairs, none of them a target.

    scores: (n, items), overwritten.
    """
    scores[_on(scores, rows), _on(scores, items)] = -torch.inf
    better, ties = rank_of_target(scores, _on(scores, targets))
    return _user_ranks(users, better, ties, scores.shape[1] - np.bincount(rows, minlength=len(users)))


def history_but_target(
    dataset: Dataset, users: np.ndarray, targets: np.ndarray, phase: Phase
) -> tuple[np.ndarray, np.ndarray]:
    """Distinct pairs (row, item), each (pairs,) int64: what a user has had, except the target.

    An item that the user comes back to stays a candidate when it is the one to find.
    """
    keys = seen_keys(dataset, *dataset.history_bounds(users, phase))
    rows, items = np.divmod(keys, dataset.num_items)
    other = items != targets[rows]
    return rows[other], items[other]


def _short_users(dataset: Dataset, protocols: list[EvaluationProtocol]) -> dict[str, int]:
    users = np.union1d(*(dataset.evaluated_users(phase) for phase in PHASES))
    counts = {
        protocol.name: users_short_of(dataset, users, protocol.count, protocol.weights)
        for protocol in protocols
        if protocol.weights
    }
    return {name: count for name, count in counts.items() if count}


def _on(scores: Tensor, indices: np.ndarray) -> Tensor:
    """Indices as an int64 tensor on the device of the scores."""
    return torch.from_numpy(indices.astype(np.int64)).to(scores.device)


def _user_ranks(users: np.ndarray, better: Tensor, ties: Tensor, candidates: np.ndarray) -> UserRanks:
    ties_of = ties.cpu().numpy()
    ranks = better.cpu().numpy() + 1.0 + ties_of / 2.0
    return UserRanks(users, ranks, ties_of, candidates.astype(np.int64))
