"""Rows of different lengths stored one after another in a flat array."""

from __future__ import annotations

import numpy as np


def row_starts(lengths: np.ndarray) -> np.ndarray:
    """Return the offset of each row's first element in the flat array. lengths: (rows,) → (rows,) int64."""
    return np.cumsum(lengths) - lengths


def rows_and_positions(lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the row and the position in its row of every flat element, both (sum of lengths,) int64."""
    rows = np.repeat(np.arange(len(lengths)), lengths)
    return rows, np.arange(len(rows)) - row_starts(lengths)[rows]


def take_ranges(values: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Concatenate values[start : start + length] of every range, without a Python loop."""
    rows, positions = rows_and_positions(lengths)
    return values[starts[rows] + positions]
