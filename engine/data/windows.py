"""Cuts each user's training part into windows of at most max_len interactions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.data.dataset import Dataset


@dataclass(frozen=True)
class Windows:
    """Training windows as offsets into `Dataset.items`. starts, ends: (windows,) int64, ends excluded."""

    starts: np.ndarray
    ends: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)


def cut_windows(dataset: Dataset, max_len: int) -> Windows:
    """Return windows over every user's training part.

    A user's first window ends at the last training interaction; further ones slide back by a tenth of max_len (at
    least 1) until one starts at the user's first interaction, as in the original system.
    """
    firsts, lasts = dataset.offsets[:-1], dataset.train_ends()
    stride = max(1, max_len // 10)
    lengths = lasts - firsts
    counts = np.where(lengths > 0, 1 + np.maximum(0, -(-(lengths - max_len) // stride)), 0)
    users = np.repeat(np.arange(len(counts)), counts)
    back = np.arange(len(users)) - np.repeat(np.cumsum(counts) - counts, counts)
    ends = np.maximum(lasts[users] - back * stride, np.minimum(firsts[users] + max_len, lasts[users]))
    return Windows(np.maximum(ends - max_len, firsts[users]), ends)
