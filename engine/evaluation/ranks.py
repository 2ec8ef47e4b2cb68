"""Ranks of held-out items among scores. Ties are counted, never decided by position."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.contract.errors import B4RError, ExitCode

_CACHED_SCORES = 1 << 18  # 1 MiB of float32
_COUNTABLE = 255 * 8  # columns whose booleans can be summed as bytes without overflow
_NUMPY_TYPES = (torch.float32, torch.float64)  # for these NumPy compares faster than torch


def average_ranks(scores: Tensor, target: Tensor) -> Tensor:
    """Return the rank of each row's target among its scores, ties averaged: (users,) float64, 1 = best.

    scores: (users, items) float, -inf for excluded items. target: (users,) item index. A row of equal scores gives
    (items + 1) / 2. Raises B4RError if a row has a NaN score, or a target whose score is not finite.
    """
    better, ties = rank_of_target(scores, target)
    return better.double() + 1.0 + ties.double() / 2.0


def rank_of_target(scores: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Count the scores better than the target's, and the others that equal it: each (users,) int64.

    Arguments and errors as in `average_ranks`.
    """
    target_scores = scores.gather(1, target[:, None])
    better, equal = compare(scores, target_scores)
    return better, equal - 1


def rank_among(target_scores: Tensor, scores: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Count the sampled candidates better than the target, and those that equal it: each (users,) int64.

    target_scores: (users,). scores, valid: (users, candidates) without the target; invalid candidates do not count.
    Errors as in `average_ranks`.
    """
    return compare(scores.masked_fill(~valid, -torch.inf), target_scores[:, None])


def compare(scores: Tensor, target_scores: Tensor) -> tuple[Tensor, Tensor]:
    """Count the scores above and equal to the target's: each (users,) int64. The counts of blocks of items add up.

    scores: (users, items). target_scores: (users, 1). Errors as in `average_ranks`.
    """
    if scores.device.type != "cpu" or scores.dtype not in _NUMPY_TYPES:
        _check(scores, target_scores)
        return (scores > target_scores).sum(1), (scores == target_scores).sum(1)
    counts = torch.zeros((2, len(scores)), dtype=torch.int64)
    for chunk in scores.detach().split(_chunk_columns(scores), dim=1):
        _check(chunk, target_scores)
        counts += torch.from_numpy(_compare_arrays(chunk.numpy(), target_scores.detach().numpy()))
    return counts[0], counts[1]


def _compare_arrays(scores: np.ndarray, target_scores: np.ndarray) -> np.ndarray:
    """Count the scores above, and the scores equal: (2, rows) int64."""
    above = count_true(scores > target_scores)
    return np.stack((above, count_true(scores >= target_scores) - above))


def count_true(mask: np.ndarray) -> np.ndarray:
    """Count the true values of each row: (rows,) int64. mask: (rows, columns) bool, contiguous.

    Eight columns are read as one word, and words are added: each byte counts up to 255 without a carry.
    """
    rows, columns = mask.shape
    whole = columns - columns % _COUNTABLE
    words = mask[:, :whole].reshape(rows, whole // _COUNTABLE, _COUNTABLE).view(np.uint64)
    counted = words.sum(axis=2, dtype=np.uint64).view(np.uint8).sum(axis=1, dtype=np.int64)
    return np.asarray(counted + np.count_nonzero(mask[:, whole:], axis=1))


def _chunk_columns(scores: Tensor) -> int:
    """Return the columns to process together, so that they stay in a CPU's cache between passes."""
    return max(1, _CACHED_SCORES // max(1, len(scores)) // _COUNTABLE) * _COUNTABLE


def _check(scores: Tensor, target_scores: Tensor) -> None:
    """Raise B4RError for scores that cannot be ranked: comparisons with NaN are false, which would give rank 1."""
    bad = ~target_scores.isfinite().all(1)
    if scores.shape[1]:
        bad |= scores.amax(1).isnan()  # amax propagates NaN, and reads the scores only once
    if bad.any():
        raise B4RError(
            f"the model's scores of {int(bad.sum())} of {len(scores)} users are not finite: training has diverged; "
            "lower training.lr or set training.grad_clip",
            ExitCode.RUN_FAILED,
        )
