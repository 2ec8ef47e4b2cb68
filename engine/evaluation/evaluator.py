"""Ranks the held-out items of users under several protocols, with one scoring pass for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from engine.contract.ranks.user_ranks import UserRanks, concatenate
from engine.data.dataset import PHASES, Dataset, Phase
from engine.data.evaluation_negatives import sample_negatives, users_short_of
from engine.data.seen_items import seen_keys
from engine.evaluation.full_ranking import Excluded, rank_full
from engine.evaluation.protocols import EvaluationProtocol, parse_protocol
from engine.evaluation.sampled_ranking import rank_sampled
from engine.evaluation.scores import Scorer, Scores
from engine.evaluation.sharded_scores import ShardedScores

BLOCK_MB = 128


class Evaluator:
    """Ranks users under `protocols`. Negatives are drawn once and reused while the users stay the same.

    short_users: sampled protocol → number of evaluated users, of any phase, with too few candidates for its
    negatives; protocols without such users are left out.
    """

    def __init__(
        self, dataset: Dataset, protocols: Sequence[str], seed: int, block_mb: int = BLOCK_MB
    ) -> None:
        """Parse the protocols. seed: of negatives. block_mb: memory for scores. Raises B4RError."""
        self._dataset = dataset
        self._protocols = [parse_protocol(name) for name in protocols]
        self._seed, self._block_mb = seed, block_mb
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
        list_length: int = 0,
    ) -> dict[str, UserRanks]:
        """Rank the phase's held-out item of each of `users`; return protocol → ranks, in the order of `users`.

        users: (n,) int64, of `dataset.evaluated_users(phase)`. batches: how often to call the scorer, at least
        n / batch_size; extra calls get no users, which keeps the ranks of a collective in step. on_batch: gets the
        number of batches done, and of all. list_length: length of the lists that come with `full`, 0 for none.
        Raises B4RError if scores are not finite.
        """
        self._draw_negatives(users)
        total = batch_count(len(users), batch_size, batches)
        parts: dict[str, list[UserRanks]] = {protocol.name: [] for protocol in self._protocols}
        for number in range(total):
            rows = slice(number * batch_size, (number + 1) * batch_size)
            ranks = self._rank_batch(phase, scorer(users[rows]), users[rows], rows, list_length)
            for name, batch_ranks in ranks.items():
                parts[name].append(batch_ranks)
            if on_batch:
                on_batch(number + 1, total)
        return {name: concatenate(batches_of) for name, batches_of in parts.items()}

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
        self, phase: Phase, scores: Scores, users: np.ndarray, rows: slice, list_length: int
    ) -> dict[str, UserRanks]:
        targets = self._dataset.targets(users, phase)
        ranks = {
            name: rank_sampled(users, targets, scores, negatives[rows])
            for name, negatives in self._negatives.items()
        }
        if any(protocol.weights is None for protocol in self._protocols):
            excluded = history_but_target(self._dataset, users, targets, phase)
            if isinstance(scores, ShardedScores):
                size = block_size(len(scores.everyone), max(1, len(scores.rows)), self._block_mb)
                return ranks | {"full": scores.rank_full(users, targets, excluded, size, list_length)}
            size = block_size(len(users), self._dataset.num_items, self._block_mb)
            ranks["full"] = rank_full(
                users, targets, scores, excluded, self._dataset.num_items, size, list_length
            )
        return ranks


def batch_count(users: int, batch_size: int, batches: int | None = None) -> int:
    """Return the number of batches that `users` users need, or `batches`, which must not be less (ValueError)."""
    needed = -(-users // batch_size)
    if batches is not None and batches < needed:
        raise ValueError(f"{users} users in batches of {batch_size} need {needed} batches, not {batches}")
    return needed if batches is None else batches


_BYTES_PER_SCORE = 16  # a float64 score, the result of its comparison, and copies


def block_size(users: int, num_items: int, block_mb: int) -> int:
    """Return the items per block, at least 1, so that scores of `users` users take at most `block_mb` MB.

    Blocks are of even size.
    """
    most = max(1, (block_mb << 20) // (_BYTES_PER_SCORE * max(1, users)))
    blocks = -(-num_items // most)
    return -(-num_items // blocks)


def history_but_target(dataset: Dataset, users: np.ndarray, targets: np.ndarray, phase: Phase) -> Excluded:
    """Return the users' histories without their targets: a target stays a candidate even if its user has had it."""
    keys = seen_keys(dataset, *dataset.history_bounds(users, phase))
    rows, items = np.divmod(keys, dataset.num_items)
    other = items != targets[rows]
    return Excluded(rows[other], items[other])


def _short_users(dataset: Dataset, protocols: list[EvaluationProtocol]) -> dict[str, int]:
    users = np.union1d(*(dataset.evaluated_users(phase) for phase in PHASES))
    counts = {
        protocol.name: users_short_of(dataset, users, protocol.count, protocol.weights)
        for protocol in protocols
        if protocol.weights
    }
    return {name: count for name, count in counts.items() if count}
