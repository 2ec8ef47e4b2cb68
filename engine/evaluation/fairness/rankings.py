"""What is measured: every user's best unseen items with their scores, and the item that was held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.contract.errors import B4RError


@dataclass(frozen=True, eq=False)
class Rankings:
    """Lists of a full ranking, one row a user.

    users: (n,) int64 user index. items: (n, k) int32, best first, -1 where there are fewer candidates. scores:
    (n, k) float64, -inf where there is no item. targets: (n,) int32, the held-out item.
    """

    users: np.ndarray
    items: np.ndarray
    scores: np.ndarray
    targets: np.ndarray

    @property
    def target_columns(self) -> np.ndarray:
        """(n,) int64: where the held-out item stands in the list, from 0; -1 where it is not in it."""
        found = self.items == self.targets[:, None]
        return np.where(found.any(axis=1), found.argmax(axis=1), -1)


def in_user_order(parts: Sequence[Rankings]) -> Rankings:
    """The rows of all parts by rising user, so that nothing depends on how users were dealt to ranks."""
    names = ("users", "items", "scores", "targets")
    users, items, scores, targets = (
        np.concatenate([getattr(part, name) for part in parts]) for name in names
    )
    order = np.argsort(users, kind="stable")
    return Rankings(users[order], items[order], scores[order], targets[order])


def scaled(scores: np.ndarray, scale: str) -> np.ndarray:
    """Scores (n, k) as `none`, `normalise` (each row sums to 1) or a number as text asks for.

    Raises B4RError where scores cannot be normalised.
    """
    if scale == "none":
        return scores
    if scale != "normalise":
        return scores * float(scale)
    shown = np.isfinite(scores)
    sums = np.where(shown, scores, 0.0).sum(axis=1, keepdims=True)
    if (scores[shown] < 0).any() or (sums <= 0).any():
        raise B4RError(
            "--scale normalise needs scores from 0 on that do not sum to 0, and this ranker gives others; "
            "use none or a number"
        )
    return np.asarray(scores / sums)
