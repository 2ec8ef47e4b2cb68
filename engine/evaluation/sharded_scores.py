"""Scores of a row-sharded vocabulary: each process scores its own items for the users of all, and sums counts.

The ranking itself is that of an unsharded vocabulary; other processes are reached only through `Peers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from engine.contract.ranks.user_ranks import UserRanks, ranks_of_counts
from engine.evaluation.candidates import RankedCandidates, as_ranked, best_and_total
from engine.evaluation.full_ranking import Excluded, blocks_of, rank_counts, scores_of_targets
from engine.evaluation.scores import DotScores
from engine.evaluation.top_k import TopK, merge_top_k


class Peers(Protocol):
    """The processes that hold the other shards. All methods are collectives."""

    world_size: int

    def counts(self, mine: Tensor) -> list[int]:
        """Return the number of rows of each rank's tensor."""

    def gather_rows(self, mine: Tensor, counts: Sequence[int]) -> Tensor:
        """Return every rank's rows, one rank after another."""

    def sum(self, tensor: Tensor) -> Tensor:
        """Sum the tensor over ranks in place, and return it."""

    def stacked(self, mine: Tensor) -> Tensor:
        """Return the tensors of all ranks, of one shape: (world_size, …)."""

    def own(self, rows: Tensor, counts: Sequence[int]) -> Tensor:
        """Return this rank's part of gathered rows."""


@dataclass(frozen=True)
class ShardedScores:
    """Scores of this rank's users for the items of all ranks. All methods are collectives.

    Ranks must call `block` with the same items, and `of` with as many items per user.

    everyone: (users of all ranks, width) hidden vectors; `counts`: how many of them each rank has. weights: (rows,
    width) and bias: (rows,), of this rank's `rows` of the vocabulary.
    """

    everyone: Tensor
    counts: list[int]
    weights: Tensor
    bias: Tensor
    rows: range
    peers: Peers

    @classmethod
    def of_hidden(
        cls, hidden: Tensor, weights: Tensor, bias: Tensor, rows: range, peers: Peers
    ) -> ShardedScores:
        """Gather the hidden vectors of all ranks. hidden: (users of this rank, width)."""
        counts = peers.counts(hidden)
        return cls(peers.gather_rows(hidden, counts), counts, weights, bias, rows, peers)

    def block(self, first: int, last: int) -> Tensor:
        """Score a block as in `Scores.block`: each rank adds the items that it holds."""
        scores = self.everyone.new_zeros((len(self.everyone), last - first))
        mine = range(max(first, self.rows.start), min(last, self.rows.stop))
        if len(mine):
            local = mine.start - self.rows.start, mine.stop - self.rows.start
            scores[:, mine.start - first : mine.stop - first] = self._local.block(*local)
        return self.peers.own(self.peers.sum(scores), self.counts)

    def of(self, items: np.ndarray) -> Tensor:
        """Score items as in `Scores.of`; n must be the same on all ranks."""
        requested = self.peers.gather_rows(self._on_device(items), self.counts)
        is_mine = (requested >= self.rows.start) & (requested < self.rows.stop)
        users, places = is_mine.nonzero(as_tuple=True)
        rows = requested[users, places] - self.rows.start
        scores = self.everyone.new_zeros(requested.shape)
        scores[users, places] = (self.weights[rows] * self.everyone[users]).sum(-1) + self.bias[rows]
        return self.peers.own(self.peers.sum(scores), self.counts)

    def rank_full(
        self, users: np.ndarray, targets: np.ndarray, excluded: Excluded, block: int, list_length: int
    ) -> UserRanks:
        """Rank this rank's users as in `full_ranking.rank_full`; `block` counts the items of one rank."""
        peers, blocks = self.peers, list(blocks_of(len(self.rows), block))
        all_targets = peers.gather_rows(self._on_device(targets), self.counts).cpu().numpy()
        mine, top = self._excluded(excluded), TopK(list_length)
        counts = rank_counts(self._local, self._target_scores(all_targets, blocks), mine, blocks, top)
        candidates = len(self.rows) - np.bincount(mine.rows, minlength=len(self.everyone))
        summed = peers.sum(torch.stack([*counts, torch.from_numpy(candidates)], 1).to(self.everyone.device))
        better, equal, all_candidates = peers.own(summed, self.counts).cpu().numpy().T
        lists = self._lists(top) if list_length else None
        return ranks_of_counts(users, better, equal - 1, all_candidates, lists)

    def rank_everything(self, excluded: Excluded, block: int, length: int) -> RankedCandidates:
        """Rank this rank's users as in `candidates.rank_everything`; `block` counts the items of one rank."""
        scores, items, totals = best_and_total(
            self._local,
            self._excluded(excluded),
            blocks_of(len(self.rows), block),
            length,
            self.everyone,
        )
        return as_ranked(*self._merged(scores, items), torch.logsumexp(self._of_ranks(totals), 0))

    @property
    def _local(self) -> DotScores:
        return DotScores(self.everyone, self.weights, self.bias)

    def _on_device(self, numbers: np.ndarray) -> Tensor:
        return torch.from_numpy(numbers.astype(np.int64)).to(self.everyone.device)

    def _excluded(self, excluded: Excluded) -> Excluded:
        """Return the pairs of all ranks' users and this rank's items, counted from its first."""
        pairs = self._on_device(np.stack([excluded.rows, excluded.items], 1))
        counts = self.peers.counts(pairs)
        all_pairs = self.peers.gather_rows(pairs, counts).cpu().numpy()
        first_users = np.cumsum([0, *self.counts[:-1]])
        rows = all_pairs[:, 0] + np.repeat(first_users, counts)
        return Excluded(rows, all_pairs[:, 1]).within(self.rows.start, self.rows.stop)

    def _target_scores(self, targets: np.ndarray, blocks: list[tuple[int, int]]) -> Tensor:
        """Return (users of all ranks, 1), with the bits that the blocks on the targets' owners give."""
        scores = self.everyone.new_zeros((len(targets), 1))
        mine = (targets >= self.rows.start) & (targets < self.rows.stop)
        if mine.any():
            # users with targets of other ranks stay in the batch, since its size may change the last bits of a product
            local_targets = np.where(mine, targets - self.rows.start, 0)
            scores = scores_of_targets(self._local, local_targets, blocks)
            scores = scores.masked_fill(~torch.from_numpy(mine).to(scores.device)[:, None], 0.0)
        return self.peers.sum(scores)

    def _lists(self, top: TopK) -> np.ndarray:
        """Return the best of all ranks' best: (users of this rank, k)."""
        return self._merged(*top.best(self.everyone))[1].cpu().numpy()

    def _merged(self, scores: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """Merge scores and items (users of all ranks, k), of this rank's items, to the best for this rank's users."""
        return merge_top_k(self._of_ranks(scores), self._of_ranks(items + self.rows.start))

    def _of_ranks(self, mine: Tensor) -> Tensor:
        """Return what all ranks have for this rank's users: (users of all ranks, …) → (ranks, own users, …)."""
        return torch.stack([self.peers.own(part, self.counts) for part in self.peers.stacked(mine)])
