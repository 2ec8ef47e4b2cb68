"""The result of ranking: for each user, where the held-out item stands. All metrics are made from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True, eq=False)
class UserRanks:
    """One row a user, in any order; arrays of shape (n,).

    users: int64 user index. ranks: float64, 1 = best, the average over ties. ties: int64, other candidates
    with the same score. candidates: int64, items ranked, the held-out one included.
    """

    users: np.ndarray
    ranks: np.ndarray
    ties: np.ndarray
    candidates: np.ndarray

    def __len__(self) -> int:
        return len(self.users)

    @property
    def better(self) -> np.ndarray:
        """(n,) int64: candidates with a better score than the held-out item."""
        return np.rint(self.ranks - 1.0 - self.ties / 2.0).astype(np.int64)

    def in_user_order(self) -> UserRanks:
        """The same rows by rising user, so that sums do not depend on how users were dealt to ranks."""
        order = np.argsort(self.users, kind="stable")
        return UserRanks(*(getattr(self, field.name)[order] for field in fields(self)))


def concatenate(parts: Sequence[UserRanks]) -> UserRanks:
    """The rows of all parts, one part after another; no rows for no parts."""
    return UserRanks(
        *(
            np.concatenate([getattr(part, field.name) for part in (no_ranks(), *parts)])
            for field in fields(UserRanks)
        )
    )


def no_ranks() -> UserRanks:
    """Ranks of no user."""
    whole = np.empty(0, dtype=np.int64)
    return UserRanks(whole, np.empty(0), whole, whole)
