"""The rankings to measure: every user's best unseen items with their scores, and the held-out item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.contract.errors import B4RError


@dataclass(frozen=True, eq=False)
class Rankings:
    """Lists of a full ranking, one row per user.

    users: (n,) int64 user index. items: (n, k) int32, best first, -1 where there are fewer candidates. scores:
    (n, k) float64, -inf where there is no item. targets: (n,) int32, the held-out item.
    """

    users: np.ndarray
    items: np.ndarray
    scores: np.ndarray
    targets: np.ndarray

    @property
    def target_columns(self) -> np.ndarray:
        """Position of the held-out item in the list, counted from 0, -1 if it is not listed: (n,) int64."""
        is_target = self.items == self.targets[:, None]
        return np.where(is_target.any(axis=1), is_target.argmax(axis=1), -1)


def in_user_order(parts: Sequence[Rankings]) -> Rankings:
    """Concatenate the parts and sort them by user, so that nothing depends on how users were divided among ranks."""
    names = ("users", "items", "scores", "targets")
    users, items, scores, targets = (
        np.concatenate([getattr(part, name) for part in parts]) for name in names
    )
    order = np.argsort(users, kind="stable")
    return Rankings(users[order], items[order], scores[order], targets[order])


def scaled(scores: np.ndarray, scale: str) -> np.ndarray:
    """Scale scores (n, k). scale: `none`, `normalise` (each row sums to 1), or a factor as text.

    Raises B4RError if scores cannot be normalised.
    """
    if scale == "none":
        return scores
    if scale != "normalise":
        return scores * float(scale)
    shown = np.isfinite(scores)
    sums = np.where(shown, scores, 0.0).sum(axis=1, keepdims=True)
    if (scores[shown] < 0).any() or (sums <= 0).any():
        raise B4RError(
            "--scale normalise needs non-negative scores with a positive sum, which this ranker does not give; "
            "use none or a number"
        )
    return np.asarray(scores / sums)
