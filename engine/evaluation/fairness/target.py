"""Target exposure: what an ideal ranking gives, equally to all relevant items and to no others."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from engine.evaluation.fairness.exposure import PATIENCE, first_exponent


def target_exposure(relevant: csr_array, convention: str = "paper", patience: float = PATIENCE) -> csr_array:
    """Return the exposure if a user's n relevant items are at the top, in uniformly random order.

    Each gets the mean of the first n exposures, (1 - γ^n) / (n (1 - γ)), times γ where ranks start at γ (Wu et al.,
    SIGIR 2022). relevant: (users, items), a stored 1 for each relevant pair. A user without one has an empty row.
    """
    counts = np.diff(relevant.indptr)
    most = np.maximum(counts, 1)
    exposure = patience ** first_exponent(convention) * (1 - patience**most) / (most * (1 - patience))
    return csr_array(
        (np.repeat(exposure, counts), relevant.indices, relevant.indptr),
        shape=relevant.shape,
        dtype=np.float64,
    )


def centre(target: csr_array) -> float:
    """Return the exposure of each item in a uniformly random ranking with the same total: the target's mean."""
    return float(target.sum()) / (target.shape[0] * target.shape[1])
