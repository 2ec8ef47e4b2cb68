"""Metrics of recommendation lists rather than of ranks: catalogue coverage and average popularity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def coverage(top: np.ndarray, num_items: int) -> float:
    """Return the share of all items that occur in at least one list.

    Catalogue coverage of Ge, Delgado-Battenfeld, Jannach: Beyond accuracy (RecSys 2010). top: (users, k) item
    indices, -1 for none.
    """
    return len(np.unique(top[top >= 0])) / num_items


def average_popularity(top: np.ndarray, popularity: np.ndarray) -> np.ndarray:
    """Return each list's mean popularity, (users,) float64; 0 for an empty list.

    Its mean over users is the average recommendation popularity (ARP) of Yin et al.: Challenging the long tail
    recommendation (VLDB 2012), as named by Abdollahpouri et al.: Managing popularity bias (FLAIRS 2019).
    popularity: (items,), here training interactions per user. top: (users, k) item indices, -1 for none.
    """
    shown = top >= 0
    total = np.where(shown, popularity[np.maximum(top, 0)], 0.0).sum(axis=1)
    return np.asarray(total / np.maximum(shown.sum(axis=1), 1))


def per_user(top: np.ndarray, popularity: np.ndarray, cutoffs: Sequence[int]) -> dict[str, np.ndarray]:
    """Return arp@k for each cutoff: each (users,) float64. top: (users, at least the largest cutoff)."""
    return {f"arp@{k}": average_popularity(top[:, :k], popularity) for k in cutoffs}


def of_catalogue(top: np.ndarray, num_items: int, cutoffs: Sequence[int]) -> dict[str, float]:
    """Return coverage@k for each cutoff, over all lists together; it has no value per user."""
    return {f"coverage@{k}": coverage(top[:, :k], num_items) for k in cutoffs}
