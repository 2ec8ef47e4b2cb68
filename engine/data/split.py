"""Puts interactions in the order that the split holds out from: by user, by time, by place in the file.

Equal times are common (three quarters of MovieLens 100K), so the tie rule decides what is held out: of two
interactions of a user at the same time, the one that stands later in the file is the later one.
"""

from __future__ import annotations

import numpy as np

from engine.data.dataset import MIN_HELD_OUT_LENGTH
from engine.errors import B4RError


def in_time_order(users: np.ndarray, timestamps: np.ndarray) -> np.ndarray:
    """(rows,) int64: the order of rows by (user, time, place in the file). Arguments are (rows,) arrays."""
    return np.lexsort((timestamps, users))  # a stable sort: equal keys keep the order of the file


def user_offsets(users: np.ndarray, num_users: int) -> np.ndarray:
    """(num_users + 1,) int64: where each user's rows begin once sorted.

    users: (rows,) int64. Raises B4RError if no user has enough rows to hold two out.
    """
    lengths = np.bincount(users, minlength=num_users)
    if lengths.max() < MIN_HELD_OUT_LENGTH:
        raise B4RError(
            f"no user has the {MIN_HELD_OUT_LENGTH} interactions that training, validation and test need "
            f"(the longest history has {lengths.max()}); use a larger data set or lower its filters"
        )
    return np.concatenate(([0], np.cumsum(lengths)))
