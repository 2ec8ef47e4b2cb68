"""Rank-biased exposure of items in lists, as sparse users × items matrices."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

PATIENCE = 0.8  # γ: the probability of looking at the next item; the value of Wu et al. (SIGIR 2022)
EXPONENTS = {"paper": "γ^(rank-1)", "code": "γ^rank"}


def discounts(cut: int, convention: str = "paper", patience: float = PATIENCE) -> np.ndarray:
    """Return the exposure of ranks 1 … cut by rank-biased precision, (cut,) float64.

    Moffat, Zobel: Rank-biased precision for measurement of retrieval effectiveness (TOIS 2008). convention: `paper`
    gives patience^(rank - 1); `code` gives patience^rank, as the code published with Wu et al. does.
    """
    return patience ** (np.arange(cut) + first_exponent(convention))


def first_exponent(convention: str) -> int:
    """Return the exponent of the first rank. Raises KeyError for an unknown convention."""
    return {"paper": 0, "code": 1}[convention]


def exposure_matrix(items: np.ndarray, exposure: np.ndarray, num_items: int) -> csr_array:
    """Convert lists to a (users, num_items) matrix. items, exposure: (users, k), no item twice, -1 for none."""
    shown = items >= 0
    ends = np.concatenate(([0], np.cumsum(shown.sum(axis=1))))
    matrix = csr_array((exposure[shown], items[shown], ends), shape=(len(items), num_items), dtype=np.float64)
    matrix.sort_indices()
    return matrix


def static_exposure(items: np.ndarray, num_items: int, discount: np.ndarray) -> csr_array:
    """Return the exposure of deterministic lists. items: (users, k), best first. discount: (k,)."""
    return exposure_matrix(items, np.broadcast_to(discount, items.shape), num_items)
