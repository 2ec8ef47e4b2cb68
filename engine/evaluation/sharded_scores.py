"""Scores of a vocabulary that ranks hold in parts: each scores its own rows for everybody's users, counts are summed.

It composes what ranks a whole vocabulary; other ranks are reached through `Peers` alone.
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
from engine.evaluation.top_k import TopItems, merged


class Peers(Protocol):
    """The ranks. All methods are collectives."""

    world_size: int

    def counts(self, mine: Tensor) -> list[int]:
        """Rows of each rank's tensor."""

    def gather_rows(self, mine: Tensor, counts: Sequence[int]) -> Tensor:
        """Every rank's rows, one rank after another."""

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over ranks, in place."""

    def stacked(self, mine: Tensor) -> Tensor:
        """Tensors of one shape: (world_size, …)."""

    def own(self, rows: Tensor, counts: Sequence[int]) -> Tensor:
        """This rank's part of rows that were gathered."""


@dataclass(frozen=True)
class ShardedScores:
    """Scores of this rank's users by the items of all ranks. All methods are collectives.

    Ranks must ask `block` for the same items, and `of` for as many a user.

    everyone: (users of all ranks, width) hidden vectors, `counts` of them a rank. weights: (rows, width) and bias:
    (rows,) of this rank's `rows` of the vocabulary.
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
        """hidden: (users of this rank, width)."""
        counts = peers.counts(hidden)
        return cls(peers.gather_rows(hidden, counts), counts, weights, bias, rows, peers)

    def block(self, first: int, last: int) -> Tensor:
        """As `Scores.block`: each rank adds the items that it holds."""
        scores = self.everyone.new_zeros((len(self.everyone), last - first))
        mine = range(max(first, self.rows.start), min(last, self.rows.stop))
        if len(mine):
            here = mine.start - self.rows.start, mine.stop - self.rows.start
            scores[:, mine.start - first : mine.stop - first] = self._local.block(*here)
        return self.peers.own(self.peers.sum(scores), self.counts)

    def of(self, items: np.ndarray) -> Tensor:
        """As `Scores.of`; n is to be the same on all ranks."""
        wanted = self.peers.gather_rows(self._here(items), self.counts)
        users, places = ((wanted >= self.rows.start) & (wanted < self.rows.stop)).nonzero(as_tuple=True)
        rows = wanted[users, places] - self.rows.start
        scores = self.everyone.new_zeros(wanted.shape)
        scores[users, places] = (self.weights[rows] * self.everyone[users]).sum(-1) + self.bias[rows]
        return self.peers.own(self.peers.sum(scores), self.counts)

    def rank_full(
        self, users: np.ndarray, targets: np.ndarray, excluded: Excluded, block: int, list_length: int
    ) -> UserRanks:
        """As `rank_full`, of this rank's users; `block` counts items of a rank."""
        peers, blocks = self.peers, list(blocks_of(len(self.rows), block))
        wanted = peers.gather_rows(self._here(targets), self.counts).cpu().numpy()
        mine, top = self._excluded(excluded), TopItems(list_length)
        counts = rank_counts(self._local, self._target_scores(wanted, blocks), mine, blocks, top)
        candidates = len(self.rows) - np.bincount(mine.rows, minlength=len(self.everyone))
        summed = peers.sum(torch.stack([*counts, torch.from_numpy(candidates)], 1).to(self.everyone.device))
        better, equal, all_candidates = peers.own(summed, self.counts).cpu().numpy().T
        lists = self._lists(top) if list_length else None
        return ranks_of_counts(users, better, equal - 1, all_candidates, lists)

    def rank_everything(self, excluded: Excluded, block: int, length: int) -> RankedCandidates:
        """As `candidates.rank_everything`, of this rank's users; `block` counts items of a rank."""
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

    def _here(self, numbers: np.ndarray) -> Tensor:
        return torch.from_numpy(numbers.astype(np.int64)).to(self.everyone.device)

    def _excluded(self, excluded: Excluded) -> Excluded:
        """Pairs of everybody's users and this rank's items, counted from its first."""
        pairs = self._here(np.stack([excluded.rows, excluded.items], 1))
        counts = self.peers.counts(pairs)
        found = self.peers.gather_rows(pairs, counts).cpu().numpy()
        first_users = np.cumsum([0, *self.counts[:-1]])
        rows = found[:, 0] + np.repeat(first_users, counts)
        return Excluded(rows, found[:, 1]).within(self.rows.start, self.rows.stop)

    def _target_scores(self, targets: np.ndarray, blocks: list[tuple[int, int]]) -> Tensor:
        """(everybody's users, 1): the very numbers that the blocks of the targets' owners give."""
        scores = self.everyone.new_zeros((len(targets), 1))
        mine = (targets >= self.rows.start) & (targets < self.rows.stop)
        if mine.any():
            # users of other ranks' targets stay in the batch, since its size may change the last bits of a product
            wanted = np.where(mine, targets - self.rows.start, 0)
            found = scores_of_targets(self._local, wanted, blocks)
            scores = found.masked_fill(~torch.from_numpy(mine).to(found.device)[:, None], 0.0)
        return self.peers.sum(scores)

    def _lists(self, top: TopItems) -> np.ndarray:
        """(users of this rank, k): the best of every rank's best."""
        return self._merged(*top.best(self.everyone))[1].cpu().numpy()

    def _merged(self, scores: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """scores, items: (everybody's users, k), of this rank's items → the best for this rank's users."""
        return merged(self._of_ranks(scores), self._of_ranks(items + self.rows.start))

    def _of_ranks(self, mine: Tensor) -> Tensor:
        """(everybody's users, …) of each rank → (ranks, users of this rank, …)."""
        return torch.stack([self.peers.own(part, self.counts) for part in self.peers.stacked(mine)])
