"""Groups of users or items, by name; a user or item may belong to several groups, or to none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

FIFTHS = ("most popular fifth", "second fifth", "third fifth", "fourth fifth", "least popular fifth")


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups of the users or of the items of a data set.

    kind: the attribute, such as gender. names: (groups,). members: (groups, users or items), a stored 1 for each
    member. unknown: distinct ids of the source that the data set does not have.
    """

    kind: str
    names: tuple[str, ...]
    members: csr_array
    unknown: int = 0

    @property
    def sizes(self) -> dict[str, int]:
        """Number of members by group."""
        return dict(zip(self.names, np.diff(self.members.indptr).tolist(), strict=True))

    @property
    def outside(self) -> int:
        """Number of users or items that belong to no group."""
        return int((self.members.sum(axis=0) == 0).sum())

    def among(self, chosen: np.ndarray) -> Groups:
        """Return the same groups restricted to some users or items, in that order."""
        return replace(self, members=csr_array(self.members[:, chosen]))


def from_memberships(
    kind: str, memberships: Iterable[tuple[str, str]], known: np.ndarray, names: Sequence[str] | None = None
) -> Groups:
    """Return groups from pairs (id, group). known: (n,) str, the data set's ids, in the order of columns.

    names: all groups in order; default those of the pairs, sorted. Repeated pairs count once.
    """
    pairs = sorted(set(memberships))
    names = tuple(names or sorted({group for _, group in pairs}))
    rows, columns = {name: row for row, name in enumerate(names)}, {str(i): c for c, i in enumerate(known)}
    cells = [(rows[group], columns[id_]) for id_, group in pairs if id_ in columns]
    members = csr_array(
        (np.ones(len(cells)), tuple(np.array(cells, dtype=np.int64).reshape(-1, 2).T)),
        shape=(len(names), len(known)),
    )
    members.sort_indices()
    return Groups(kind, names, members, len({id_ for id_, _ in pairs if id_ not in columns}))


def popularity_fifths(interactions: np.ndarray) -> Groups:
    """Return five groups of nearly equal size by descending number of interactions, (n,); ties by index."""
    order = np.argsort(-interactions, kind="stable")
    fifths = np.empty(len(order), dtype=np.int64)
    fifths[order] = np.arange(len(order)) * len(FIFTHS) // len(order)
    members = csr_array(
        (np.ones(len(order)), (fifths, np.arange(len(order)))), shape=(len(FIFTHS), len(order))
    )
    return Groups("popularity", FIFTHS, members)
