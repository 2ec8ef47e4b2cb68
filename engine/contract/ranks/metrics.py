"""Metrics of one held-out item per user, as pure functions of its rank and ties, in float64.

With g better candidates and t ties, the item is with equal probability at each of the places g + 1 … g + t + 1.
A metric is its expectation over these places, as if ties were broken at random. So constant scores give the value of
a random ranking, neither 0 nor 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from engine.contract.ranks.user_ranks import UserRanks


def per_user(ranks: UserRanks, cutoffs: Sequence[int]) -> dict[str, np.ndarray]:
    """Return recall, precision, ndcg, map and mrr @k for each cutoff k, and mrr: each (n,) float64, as in `ranks`.

    With one relevant item, average precision is the reciprocal rank, so map@k equals mrr@k.
    """
    values = {}
    for k in cutoffs:
        values[f"recall@{k}"] = hits = recall(ranks, k)
        values[f"precision@{k}"] = hits / k
        values[f"ndcg@{k}"] = ndcg(ranks, k)
        values[f"map@{k}"] = values[f"mrr@{k}"] = reciprocal_rank(ranks, k)
    return {**values, "mrr": reciprocal_rank(ranks)}


def means(ranks: UserRanks, cutoffs: Sequence[int]) -> dict[str, float]:
    """Return the mean of each metric over users; NaN if there are none."""
    return {name: mean(values) for name, values in per_user(ranks, cutoffs).items()}


def mean(values: np.ndarray) -> float:
    """Return the mean; NaN for no values."""
    return float(values.mean()) if len(values) else float("nan")


def recall(ranks: UserRanks, k: int) -> np.ndarray:
    """Return the probability that the item is among the first k; with one relevant item this is the hit rate."""
    return _expected(ranks, k, lambda places: places.astype(np.float64))


def ndcg(ranks: UserRanks, k: int) -> np.ndarray:
    """Return the expected 1 / log2(1 + place) if place ≤ k, else 0; the ideal with one relevant item is 1."""
    gains = np.concatenate(([0.0], np.cumsum(1.0 / np.log2(2.0 + np.arange(_last_place(ranks, k))))))
    return _expected(ranks, k, gains.__getitem__)


def reciprocal_rank(ranks: UserRanks, k: int | None = None) -> np.ndarray:
    """Return the expected 1 / place if place ≤ k, else 0; None counts all places."""
    last = _last_place(ranks, k)
    harmonic = np.concatenate(([0.0], np.cumsum(1.0 / (1.0 + np.arange(last)))))
    return _expected(ranks, last, harmonic.__getitem__)


def _expected(ranks: UserRanks, k: int, total: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return the mean gain over the places of each tie group; places after k gain nothing.

    total: maps an array of n to the summed gain of the first n places.
    """
    first, last = ranks.better, ranks.better + ranks.ties + 1
    return (total(np.minimum(last, k)) - total(np.minimum(first, k))) / (ranks.ties + 1)


def _last_place(ranks: UserRanks, k: int | None) -> int:
    """Return the last place that any item can have, at most k."""
    last = int((ranks.better + ranks.ties + 1).max(initial=0))
    return last if k is None else min(last, k)
