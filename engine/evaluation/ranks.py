"""Ranks of held-out items among scores. Ties are counted, never decided by position."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.contract.errors import B4RError, ExitCode

_CACHED_SCORES = 1 << 18  # 1 MiB of float32
_COUNTABLE = 255 * 8  # columns whose truth values are added as bytes
_NUMPY_TYPES = (torch.float32, torch.float64)  # NumPy has comparisons for them that are faster than torch's


def average_ranks(scores: Tensor, target: Tensor) -> Tensor:
    """Rank of each row's target among its scores, ties averaged.

    scores: (users, items) float, -inf for excluded items. target: (users,) item index.
    Returns (users,) float64, 1 = best. A row of equal scores gives (items + 1) / 2.
    Raises B4RError if a row has a score that is not a number, or a target whose score is not finite.
    """
    better, ties = rank_of_target(scores, target)
    return better.double() + 1.0 + ties.double() / 2.0


def rank_of_target(scores: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """How many scores are better than the target's, and how many others equal it: each (users,) int64.

    Arguments and errors as in `average_ranks`.
    """
    target_scores = scores.gather(1, target[:, None])
    better, equal = compare(scores, target_scores)
    return better, equal - 1


def rank_among(target_scores: Tensor, scores: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """How many sampled candidates are better than the target, and how many equal it: each (users,) int64.

    target_scores: (users,). scores, valid: (users, candidates), the target not among them; candidates that
    are not valid do not count. Errors as in `average_ranks`.
    """
    return compare(scores.masked_fill(~valid, -torch.inf), target_scores[:, None])


def compare(scores: Tensor, target_scores: Tensor) -> tuple[Tensor, Tensor]:
    """Counts of scores above and equal to the target's: each (users,) int64. Counts of blocks of items add up.

    scores: (users, items). target_scores: (users, 1). Errors as in `average_ranks`.
    """
    if scores.device.type != "cpu" or scores.dtype not in _NUMPY_TYPES:
        _check(scores, target_scores)
        return (scores > target_scores).sum(1), (scores == target_scores).sum(1)
    counts = torch.zeros((2, len(scores)), dtype=torch.int64)
    for piece in scores.detach().split(_piece(scores), dim=1):
        _check(piece, target_scores)
        counts += torch.from_numpy(_compared(piece.numpy(), target_scores.detach().numpy()))
    return counts[0], counts[1]


def _compared(scores: np.ndarray, target_scores: np.ndarray) -> np.ndarray:
    """Counts above, and counts equal: (2, rows) int64."""
    above = count_true(scores > target_scores)
    return np.stack((above, count_true(scores >= target_scores) - above))


def count_true(mask: np.ndarray) -> np.ndarray:
    """How many of each row are true: (rows,) int64. mask: (rows, columns) bool, contiguous.

    Eight columns are one word, and words are added: their bytes count up to 255 without a carry.
    """
    rows, columns = mask.shape
    whole = columns - columns % _COUNTABLE
    words = mask[:, :whole].reshape(rows, whole // _COUNTABLE, _COUNTABLE).view(np.uint64)
    counted = words.sum(axis=2, dtype=np.uint64).view(np.uint8).sum(axis=1, dtype=np.int64)
    return np.asarray(counted + np.count_nonzero(mask[:, whole:], axis=1))


def _piece(scores: Tensor) -> int:
    """Columns looked at together: as many as stay in a CPU's cache from one look to the next."""
    return max(1, _CACHED_SCORES // max(1, len(scores)) // _COUNTABLE) * _COUNTABLE


def _check(scores: Tensor, target_scores: Tensor) -> None:
    """Refuse scores that cannot be ranked: a comparison with NaN is false, which would look like rank 1."""
    bad = ~target_scores.isfinite().all(1)
    if scores.shape[1]:
        bad |= scores.amax(1).isnan()  # amax hands NaN on, and reads the scores only once
    if bad.any():
        raise B4RError(
            f"the model's scores of {int(bad.sum())} of {len(scores)} users are not finite numbers: the training "
            "has diverged; lower training.lr or set training.grad_clip",
            ExitCode.RUN_FAILED,
        )
