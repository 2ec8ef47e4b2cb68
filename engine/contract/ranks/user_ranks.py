"""The result of ranking: the rank of each user's held-out item, from which all metrics are computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

COLUMNS = ("users", "ranks", "ties", "candidates")


@dataclass(frozen=True, eq=False)
class UserRanks:
    """One row per user, in any order; arrays of shape (n,).

    users: int64 user index. ranks: float64, 1 = best, the average over ties. ties: int64, other candidates
    with the same score. candidates: int64, items ranked, including the held-out one. top: (n, k) int32, the
    user's k best candidates, best first, -1 if there are fewer; None if no lists were requested.
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
        """Number of candidates with a better score than the held-out item: (n,) int64."""
        return np.rint(self.ranks - 1.0 - self.ties / 2.0).astype(np.int64)

    def in_user_order(self) -> UserRanks:
        """Sort the rows by user, so that sums do not depend on how users were divided among processes."""
        order = np.argsort(self.users, kind="stable")
        top = None if self.top is None else self.top[order]
        return UserRanks(self.users[order], self.ranks[order], self.ties[order], self.candidates[order], top)


def concatenate(parts: Sequence[UserRanks]) -> UserRanks:
    """Concatenate the rows of all parts; no rows for no parts. Either all parts have lists or none."""
    parts = parts or [no_ranks()]
    tops = [part.top for part in parts if part.top is not None]
    users, ranks, ties, candidates = (
        np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS
    )
    return UserRanks(users, ranks, ties, candidates, np.concatenate(tops) if tops else None)


def no_ranks() -> UserRanks:
    """Return the ranks of no users."""
    empty = np.empty(0, dtype=np.int64)
    return UserRanks(empty, np.empty(0), empty, empty)


def ranks_of_counts(
    users: np.ndarray,
    better: np.ndarray,
    ties: np.ndarray,
    candidates: np.ndarray,
    top: np.ndarray | None = None,
) -> UserRanks:
    """Return ranks by the numbers of better and of equal other candidates, each (n,) int64."""
    return UserRanks(users, better + 1.0 + ties / 2.0, ties, candidates.astype(np.int64), top)
