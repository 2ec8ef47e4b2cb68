"""Dense indices for the ids of a source: in sorted order, so that they never depend on the row order."""

from __future__ import annotations

import numpy as np
import pandas as pd


def encode(values: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Indices (n,) int64 into the sorted distinct ids, and these ids (distinct,).

    Numbers are sorted by value, texts by code point.
    """
    codes, ids = pd.factorize(values.to_numpy(), sort=True)
    return codes, np.asarray(ids)


def compact(codes: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same codes and ids without the ids that no code uses any more; the order stays."""
    used = np.bincount(codes, minlength=len(ids)) > 0
    return (np.cumsum(used) - 1)[codes], ids[used]
