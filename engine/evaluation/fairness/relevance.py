"""Decides which held-out items are relevant: those that their users liked, as far as ratings show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from engine.contract.errors import B4RError
from engine.evaluation.fairness.rankings import Rankings


@dataclass(frozen=True, eq=False)
class Relevance:
    """Relevant items. matrix: (users, items), a stored 1 for each relevant pair. rule: how it was decided, as text."""

    matrix: csr_array
    rule: str

    @property
    def users(self) -> int:
        """Number of users whose held-out item is relevant."""
        return int(self.matrix.nnz)


def relevant_targets(rankings: Rankings, ratings: np.ndarray, above: float, num_items: int) -> Relevance:
    """Return the held-out items rated above `above`, or not rated. ratings: (users,), NaN for none.

    Raises B4RError if no held-out item is relevant.
    """
    unrated = np.isnan(ratings)
    liked = unrated | (ratings > above)
    if not liked.any():
        raise B4RError(f"no held-out item is rated above {above:g}; lower --relevant-rating")
    ends = np.concatenate(([0], np.cumsum(liked)))
    matrix = csr_array(
        (np.ones(int(liked.sum())), rankings.targets[liked], ends), shape=(len(ratings), num_items)
    )
    return Relevance(matrix, _rule(unrated, above))


def _rule(unrated: np.ndarray, above: float) -> str:
    if unrated.all():
        return "every held-out item is relevant, since the data have no ratings"
    rule = f"a held-out item is relevant if it is rated above {above:g}"
    return f"{rule}; {int(unrated.sum())} without a rating count as relevant" if unrated.any() else rule
