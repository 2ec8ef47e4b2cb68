"""The result of ranking: for each user, where the held-out item stands. All metrics are made from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

COLUMNS = ("users", "ranks", "ties", "candidates")


@dataclass(frozen=True, eq=False)
class UserRanks:
    """One row a user, in any order; arrays of shape (n,).

    users: int64 user index. ranks: float64, 1 = best, the average over ties. ties: int64, other candidates
    with the same score. candidates: int64, items ranked, the held-out one included. top: (n, k) int32, the
    user's k best candidates, best first, -1 where there are fewer; None where no lists were asked for.
    """

    users: np.ndarray
    ranks: np.ndarray
    ties: np.ndarray
    candidates: np.ndarray
    top: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.users)

    @property
    def better(self) -> np.ndarray:
        """(n,) int64: candidates with a better score than the held-out item."""
        return np.rint(self.ranks - 1.0 - self.ties / 2.0).astype(np.int64)

    def in_user_order(self) -> UserRanks:
        """The same rows by rising user, so that sums do not depend on how users were dealt to ranks."""
        order = np.argsort(self.users, kind="stable")
        top = None if self.top is None else self.top[order]
        return UserRanks(self.users[order], self.ranks[order], self.ties[order], self.candidates[order], top)


def concatenate(parts: Sequence[UserRanks]) -> UserRanks:
    """The rows of all parts, one part after another; no rows for no parts. Either all have lists or none."""
    parts = parts or [no_ranks()]
    tops = [part.top for part in parts if part.top is not None]
    users, ranks, ties, candidates = (
        np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS
    )
    return UserRanks(users, ranks, ties, candidates, np.concatenate(tops) if tops else None)


def no_ranks() -> UserRanks:
    """Ranks of no user."""
    whole = np.empty(0, dtype=np.int64)
    return UserRanks(whole, np.empty(0), whole, whole)


def ranks_of_counts(
    users: np.ndarray,
    better: np.ndarray,
    ties: np.ndarray,
    candidates: np.ndarray,
    top: np.ndarray | None = None,
) -> UserRanks:
    """Ranks from the numbers of better and of equal other candidates, each (n,) int64."""
    return UserRanks(users, better + 1.0 + ties / 2.0, ties, candidates.astype(np.int64), top)
