"""Samples random rankings in which items with better scores are likely to come earlier.

Plackett–Luce draws items one after another without replacement, each with a chance in proportion to exp(score /
temperature). Sorting by (score / temperature + Gumbel noise) gives the same distribution in one step (Yellott: The
relationship between Luce's choice axiom, Thurstone's theory of comparative judgment, and the double exponential
distribution, 1977; Kool et al.: Stochastic beams and where to find them, ICML 2019).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.data.counter_rng import hashed

_CHUNK_CELLS = 1 << 17  # numbers drawn at once, so that they stay in the CPU's cache


def sampled_orders(
    scores: np.ndarray, user: int, temperature: float, samples: int, seed: int
) -> Iterator[np.ndarray]:
    """Yield `samples` rankings of one user's items in chunks (rankings, k) int64: columns of `scores`, best first.

    scores: (k,), -inf comes last. Every number is drawn from (seed, user, temperature, sample, column), so other
    users, temperatures or samples never change a draw.
    """
    level = ((scores - scores.max()) / temperature).astype(
        np.float32
    )  # the noise is no finer than float32 either
    columns = np.arange(len(scores))
    key = np.float64(temperature).view(np.uint64)
    step = max(1, _CHUNK_CELLS // len(scores))
    for first in range(0, samples, step):
        drawn = np.arange(first, min(first + step, samples))[:, None]
        bits = hashed(seed, "plackett-luce", user, key, drawn, columns)
        yield np.argsort(negative_gumbel(bits) - level, axis=1)


def negative_gumbel(bits: np.ndarray) -> np.ndarray:
    """Return negative Gumbel noise, float32, from uniform 64-bit integers: log(-log(u)) with u in (0, 1)."""
    uniform = ((bits >> np.uint64(41)).astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-23)
    return np.asarray(np.log(-np.log(uniform)))


def exposure_of(orders: np.ndarray, discount: np.ndarray) -> np.ndarray:
    """Return the summed exposure of each column over rankings (rankings, k)."""
    weights = np.broadcast_to(discount, orders.shape).ravel()
    return np.bincount(orders.ravel(), weights=weights, minlength=orders.shape[1])
