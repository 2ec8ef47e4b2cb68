"""Ranks of held-out items among scores. Ties are counted, never decided by position."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.errors import B4RError, ExitCode

_CACHED_SCORES = 1 << 18  # 1 MiB of float32


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
    better = torch.zeros(len(scores), dtype=torch.int64, device=scores.device)
    equal = torch.zeros_like(better)
    for piece in scores.split(_piece(scores), dim=1):
        _check(piece, target_scores)
        better += count_true(piece > target_scores)
        equal += count_true(piece == target_scores)
    return better, equal


def count_true(mask: Tensor) -> Tensor:
    """How many of each row are true: (rows,) int64. On CPU by NumPy, which does not widen each bit to eight bytes."""
    if mask.device.type == "cpu":
        return torch.from_numpy(np.count_nonzero(mask.numpy(), axis=1))
    return mask.sum(1)


def _piece(scores: Tensor) -> int:
    """Columns looked at together: all, but on CPU as many as stay in its cache from one look to the next."""
    on_cpu = scores.device.type == "cpu"
    return max(1, _CACHED_SCORES // max(1, len(scores)) if on_cpu else scores.shape[1])


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
