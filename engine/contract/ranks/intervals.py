"""Standard errors and 95 % bootstrap intervals of means over users."""

from __future__ import annotations

import numpy as np

from engine.contract.ranks.metrics import mean

CONFIDENCE = 0.95
_CHUNK_CELLS = 1 << 22  # resamples × users drawn at a time


def bootstrap(
    values: dict[str, np.ndarray], resamples: int = 1000, seed: int = 0
) -> dict[str, dict[str, float]]:
    """Return each metric's mean with its percentile interval: metric → value, low, high, n, se.

    values: metric → (n,) float64, one value per user. Users are resampled with replacement (Efron, Tibshirani: An
    Introduction to the Bootstrap, 1993, chapter 13), equally for all metrics. se: the standard error s / √n, where s
    has n - 1 in its denominator; left out if n is 1. NaN if n is 0.
    """
    if not values:
        return {}
    table = np.stack(list(values.values()), axis=1)
    resampled = _resampled_means(table, resamples, seed)
    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = np.quantile(resampled, [tail, 1.0 - tail], axis=0)
    return {
        name: {
            "value": mean(table[:, i]),
            "low": float(low[i]),
            "high": float(high[i]),
            "n": len(table),
            **_standard_error(table[:, i]),
        }
        for i, name in enumerate(values)
    }


def _standard_error(values: np.ndarray) -> dict[str, float]:
    n = len(values)
    return {"se": float(values.std(ddof=1) / n**0.5)} if n > 1 else {}


def _resampled_means(table: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Return means of rows of `table` drawn with replacement: (resamples, metrics). table: (n, metrics)."""
    n = len(table)
    if not n:
        return np.full((resamples, table.shape[1]), np.nan)
    generator = np.random.default_rng(seed)
    step = max(1, _CHUNK_CELLS // n)
    return np.concatenate(
        [
            _times_drawn(generator, min(step, resamples - start), n) @ table / n
            for start in range(0, resamples, step)
        ]
    )


def _times_drawn(generator: np.random.Generator, resamples: int, n: int) -> np.ndarray:
    """Return how often each of n rows was drawn in n draws: (resamples, n) float64."""
    drawn = generator.integers(0, n, size=(resamples, n)) + np.arange(resamples)[:, None] * n
    return np.bincount(drawn.ravel(), minlength=resamples * n).reshape(resamples, n).astype(np.float64)
