"""How much a ranking shows of each item: rank-biased exposure of lists, as sparse users × items."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

PATIENCE = 0.8  # γ: the chance to look at the next item too; the value of Wu et al. (SIGIR 2022)
EXPONENTS = {"paper": "γ^(rank-1)", "code": "γ^rank"}


def discounts(cut: int, convention: str = "paper", patience: float = PATIENCE) -> np.ndarray:
    """(cut,) float64: the exposure of the ranks 1 … cut, of rank-biased precision.

    Moffat, Zobel: Rank-biased precision for measurement of retrieval effectiveness (TOIS 2008). convention: `paper`
    gives patience^(rank - 1); `code`, patience^rank, is what the code published with Wu et al. computes.
    """
    return patience ** (np.arange(cut) + first_exponent(convention))


def first_exponent(convention: str) -> int:
    """The exponent of the first rank. Raises KeyError for an unknown convention."""
    return {"paper": 0, "code": 1}[convention]


def exposure_matrix(items: np.ndarray, exposure: np.ndarray, num_items: int) -> csr_array:
    """Lists as a (users, num_items) matrix. items, exposure: (users, k), each item once a list, -1 for none."""
    shown = items >= 0
    ends = np.concatenate(([0], np.cumsum(shown.sum(axis=1))))
    matrix = csr_array((exposure[shown], items[shown], ends), shape=(len(items), num_items), dtype=np.float64)
    matrix.sort_indices()
    return matrix


def static_exposure(items: np.ndarray, num_items: int, discount: np.ndarray) -> csr_array:
    """Exposure of lists that everyone sees in this very order. items: (users, k), best first. discount: (k,)."""
    return exposure_matrix(items, np.broadcast_to(discount, items.shape), num_items)
