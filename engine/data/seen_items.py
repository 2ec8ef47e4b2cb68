"""What users have had, as sorted keys that vectorised code can search."""

from __future__ import annotations

import numpy as np

from engine.data.dataset import Dataset
from engine.data.ragged import rows_and_positions


def seen_keys(dataset: Dataset, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Rising distinct keys `row * items + item` of the interactions between offsets, (keys,) int64.

    starts, ends: (rows,) offsets into `dataset.items`. Divide by `dataset.num_items` to get row and item back.
    """
    rows, positions = rows_and_positions(ends - starts)
    keys = np.sort(rows * dataset.num_items + dataset.items[starts[rows] + positions])
    return keys[np.diff(keys, prepend=-1) > 0]


def find(keys: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether each of `wanted`, any shape, is among `keys`, which rise, and at which place (0 where it is not)."""
    if not len(keys):
        return np.zeros(wanted.shape, dtype=bool), np.zeros(wanted.shape, dtype=np.int64)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    found = np.asarray(keys[places] == wanted)
    return found, np.where(found, places, 0)


def contains(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Whether each of `wanted`, any shape, is among `keys`, which rise."""
    return find(keys, wanted)[0]
