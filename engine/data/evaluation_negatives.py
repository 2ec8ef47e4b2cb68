"""Draws the negatives that a held-out item is ranked among: distinct items that the user has not had.

A user's negatives depend on (seed, user, number of the draw) alone: they are equal in any batch and on any rank,
and those of `popular-50` are the first half of those of `popular-100`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from engine.data.counter_rng import uniforms
from engine.data.dataset import Dataset
from engine.data.seen_items import contains, seen_keys

Weights = Literal["popular", "uniform"]

_ROUNDS = (2, 8)  # draws per negative: first for all users, then for those still short of negatives
_CHUNK_CELLS = 1 << 22  # draws, or users × items, held at a time


def sample_negatives(
    dataset: Dataset, users: np.ndarray, count: int, weights: Weights, seed: int
) -> np.ndarray:
    """Draw distinct items that the user has in none of training, validation and test: (n, count) int32.

    popular: drawn in proportion to training interactions, so only from items that have any. uniform: from all
    items. Draws are sequential without replacement, so earlier columns tend to be more popular. A user with fewer
    candidates than `count` gets all of them; the rest of the row is -1.
    """
    pool = _pool(dataset, weights)
    negatives = np.full((len(users), count), -1, dtype=np.int32)
    short = np.arange(len(users))
    for draws_each in _ROUNDS:
        for rows in _chunks(short, draws_each * count):
            negatives[rows] = _draw(dataset, users[rows], pool, count, draws_each * count, weights, seed)
        short = np.flatnonzero(negatives[:, -1] < 0)
    for rows in _chunks(short, dataset.num_items):
        negatives[rows] = _complete(dataset, users[rows], negatives[rows], pool, weights, seed)
    return negatives


def users_short_of(dataset: Dataset, users: np.ndarray, count: int, weights: Weights) -> int:
    """Count the users who have fewer than `count` candidates, and so get fewer negatives."""
    in_pool = np.bincount(_pool(dataset, weights), minlength=dataset.num_items) > 0
    candidates = np.count_nonzero(in_pool)
    suspects = users[candidates - dataset.lengths[users] < count]
    rows, items = np.divmod(_seen(dataset, suspects), dataset.num_items)
    return int(np.sum(candidates - np.bincount(rows[in_pool[items]], minlength=len(suspects)) < count))


def _pool(dataset: Dataset, weights: Weights) -> np.ndarray:
    """Return the items to draw uniformly from; a uniformly drawn training interaction is an item by popularity."""
    return dataset.training_items if weights == "popular" else np.arange(dataset.num_items, dtype=np.int32)


def _chunks(rows: np.ndarray, width: int) -> list[np.ndarray]:
    """Split `rows` into chunks that keep (chunk, width) arrays small."""
    step = max(1, _CHUNK_CELLS // max(1, width))
    return [rows[start : start + step] for start in range(0, len(rows), step)]


def _draw(
    dataset: Dataset, users: np.ndarray, pool: np.ndarray, count: int, draws: int, weights: Weights, seed: int
) -> np.ndarray:
    """Return the first `count` distinct unseen items among `draws` draws, padded with -1: (n, count) int32."""
    chance = uniforms(seed, f"{weights} negatives", users[:, None], np.arange(draws))
    drawn = pool[(chance * len(pool)).astype(np.int64)]
    keys = np.arange(len(users))[:, None] * dataset.num_items + drawn
    wanted = _is_first(drawn) & ~contains(_seen(dataset, users), keys)
    place = np.cumsum(wanted, axis=1) - 1
    rows, columns = np.nonzero(wanted & (place < count))
    negatives = np.full((len(users), count), -1, dtype=np.int32)
    negatives[rows, place[rows, columns]] = drawn[rows, columns]
    return negatives


def _is_first(drawn: np.ndarray) -> np.ndarray:
    """Mark each draw that is the first of its item in its row. drawn: (n, draws)."""
    order = np.argsort(drawn, axis=1, kind="stable")
    in_order = np.take_along_axis(drawn, order, axis=1)
    differs = np.ones(drawn.shape, dtype=bool)
    differs[:, 1:] = in_order[:, 1:] != in_order[:, :-1]
    first = np.empty_like(differs)
    np.put_along_axis(first, order, differs, axis=1)
    return first


def _complete(
    dataset: Dataset, users: np.ndarray, begun: np.ndarray, pool: np.ndarray, weights: Weights, seed: int
) -> np.ndarray:
    """Complete the rows begun until they are full or no candidate is left: (n, count) int32.

    Each candidate gets an exponential key of rate equal to its weight; the smallest keys are a weighted draw
    without replacement (Efraimidis, Spirakis: Weighted random sampling with a reservoir, 2006).
    """
    weight = np.bincount(pool, minlength=dataset.num_items)
    chance = uniforms(seed, f"more {weights} negatives", users[:, None], np.arange(dataset.num_items))
    keys = -np.log1p(-chance) / np.maximum(weight, 1)
    keys[_is_excluded(dataset, users, begun) | (weight == 0)] = np.inf
    order = np.argsort(keys, axis=1, kind="stable")
    order = np.where(np.isinf(np.take_along_axis(keys, order, axis=1)), -1, order)
    return _joined(begun, order).astype(np.int32)


def _is_excluded(dataset: Dataset, users: np.ndarray, begun: np.ndarray) -> np.ndarray:
    """Mark the items that the user has, or that are in the row begun: (n, items) bool."""
    excluded = np.zeros((len(users), dataset.num_items + 1), dtype=bool)  # the last column takes the -1
    rows, items = np.divmod(_seen(dataset, users), dataset.num_items)
    excluded[rows, items] = True
    excluded[np.arange(len(users))[:, None], begun] = True
    return excluded[:, :-1]


def _joined(begun: np.ndarray, more: np.ndarray) -> np.ndarray:
    """Replace the -1 at the end of each row of `begun` by the first items of `more`."""
    column = np.arange(begun.shape[1])
    have = np.sum(begun >= 0, axis=1, keepdims=True)
    more = np.pad(more, ((0, 0), (0, begun.shape[1])), constant_values=-1)
    return np.where(column < have, begun, np.take_along_axis(more, np.maximum(column - have, 0), axis=1))


def _seen(dataset: Dataset, users: np.ndarray) -> np.ndarray:
    """Return the keys of everything the users have had, including held-out items."""
    return seen_keys(dataset, dataset.offsets[users], dataset.offsets[users + 1])
