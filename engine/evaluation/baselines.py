"""Baselines without trained parameters: random, popularity, Markov chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.contract.ranks.user_ranks import UserRanks, ranks_of_counts
from engine.data.dataset import Dataset, Phase
from engine.data.ragged import rows_and_positions
from engine.data.seen_items import find
from engine.evaluation.scores import Scorer


def random_ranks(ranks: Mapping[str, UserRanks]) -> dict[str, UserRanks]:
    """Return the ranks that equal scores give, whose metrics are the exact mean over all random orders.

    ranks: protocol → ranks by any scores, for their users and candidates.
    """
    return {
        protocol: ranks_of_counts(
            rows.users, np.zeros_like(rows.candidates), rows.candidates - 1, rows.candidates
        )
        for protocol, rows in ranks.items()
    }


def popularity_scorer(dataset: Dataset) -> Scorer:
    """Return a scorer that gives each item its number of training interactions, for all users alike."""
    popularity = torch.from_numpy(dataset.popularity.astype(np.float64))  # exact, unlike float32

    def score(users: np.ndarray) -> _PopularityScores:
        return _PopularityScores(popularity, len(users))

    return score


@dataclass(frozen=True)
class _PopularityScores:
    """Scores that are equal for all of `users` users. popularity: (items,) float64."""

    popularity: Tensor
    users: int

    def block(self, first: int, last: int) -> Tensor:
        return self.popularity[first:last].repeat(self.users, 1)

    def of(self, items: np.ndarray) -> Tensor:
        return self.popularity[torch.from_numpy(items)]


@dataclass(frozen=True, eq=False)
class Transitions:
    """How often one item followed another in training: ascending keys `item * items + next item`, and counts."""

    keys: np.ndarray
    counts: np.ndarray

    def followers(self, items: np.ndarray, first: int, last: int, num_items: int) -> tuple[np.ndarray, ...]:
        """Return rows of `items`, their followers among first … last - 1 (counted from first), and the counts."""
        starts, ends = (np.searchsorted(self.keys, items * num_items + bound) for bound in (first, last))
        rows, positions = rows_and_positions(ends - starts)
        places = starts[rows] + positions
        return rows, self.keys[places] - items[rows] * num_items - first, self.counts[places]

    def between(self, keys: np.ndarray) -> np.ndarray:
        """Return the counts of keys of any shape, 0 for unknown keys."""
        if not len(self.keys):
            return np.zeros(keys.shape, np.int64)
        found, places = find(self.keys, keys)
        return np.where(found, self.counts[places], 0)


def count_transitions(dataset: Dataset) -> Transitions:
    """Count each pair of consecutive training interactions of a user."""
    starts, ends = dataset.offsets[:-1], dataset.train_ends()
    rows, positions = rows_and_positions(np.maximum(ends - starts - 1, 0))
    here = starts[rows] + positions
    keys = dataset.items[here].astype(np.int64) * dataset.num_items + dataset.items[here + 1]
    return Transitions(*np.unique(keys, return_counts=True))


def markov_scorer(dataset: Dataset, phase: Phase) -> Scorer:
    """Return a scorer by how often an item followed the user's last known item in training, then by popularity.

    A first-order Markov chain by maximum likelihood, as in Rendle et al.: Factorizing personalized Markov chains
    (WWW 2010), backing off to popularity where counts are equal. Counts are scaled above any popularity.
    """
    transitions = count_transitions(dataset)
    popularity = torch.from_numpy(dataset.popularity.astype(np.float64))

    def score(users: np.ndarray) -> _MarkovScores:
        last = dataset.items[dataset.history_bounds(users, phase)[1] - 1].astype(np.int64)
        return _MarkovScores(transitions, popularity, last)

    return score


@dataclass(frozen=True, eq=False)
class _MarkovScores:
    """Scores of a batch. last: (batch,) int64, each user's last known item. popularity: (items,) float64."""

    transitions: Transitions
    popularity: Tensor
    last: np.ndarray

    @property
    def _step(self) -> float:
        return float(self.popularity.max()) + 1.0

    def block(self, first: int, last: int) -> Tensor:
        scores = self.popularity[first:last].repeat(len(self.last), 1)
        rows, items, counts = self.transitions.followers(self.last, first, last, len(self.popularity))
        scores[torch.from_numpy(rows), torch.from_numpy(items)] += torch.from_numpy(counts) * self._step
        return scores

    def of(self, items: np.ndarray) -> Tensor:
        counts = self.transitions.between(self.last[:, None] * len(self.popularity) + items)
        return self.popularity[torch.from_numpy(items)] + torch.from_numpy(counts) * self._step
