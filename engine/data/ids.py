"""Dense indices for the ids of a source, in sorted order so that they do not depend on the order of rows."""

from __future__ import annotations

import numpy as np
import pandas as pd


def encode(values: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return indices (n,) int64 into the sorted distinct ids, and these ids (distinct,).

    Numbers are sorted by value, texts by code point.
    """
    codes, ids = pd.factorize(values.to_numpy(), sort=True)
    return codes, np.asarray(ids)


def compact(codes: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Remove ids that no code uses, and renumber the codes; the order stays."""
    used = np.bincount(codes, minlength=len(ids)) > 0
    return (np.cumsum(used) - 1)[codes], ids[used]
