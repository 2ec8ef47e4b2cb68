"""Items that users have already interacted with, as sorted keys for vectorised search."""

from __future__ import annotations

import numpy as np

from engine.data.dataset import Dataset
from engine.data.ragged import rows_and_positions


def seen_keys(dataset: Dataset, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return the ascending distinct keys `row * num_items + item` of interactions between offsets, (keys,) int64.

    starts, ends: (rows,) offsets into `dataset.items`. Divide by `dataset.num_items` to get row and item back.
    """
    rows, positions = rows_and_positions(ends - starts)
    keys = np.sort(rows * dataset.num_items + dataset.items[starts[rows] + positions])
    return keys[np.diff(keys, prepend=-1) > 0]


def find(keys: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return whether each of `wanted`, any shape, is among the ascending `keys`, and its place there, else 0."""
    if not len(keys):
        return np.zeros(wanted.shape, dtype=bool), np.zeros(wanted.shape, dtype=np.int64)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    is_key = np.asarray(keys[places] == wanted)
    return is_key, np.where(is_key, places, 0)


def contains(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return whether each of `wanted`, any shape, is among the ascending `keys`."""
    return find(keys, wanted)[0]
