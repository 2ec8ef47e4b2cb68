"""The six metrics of joint multisided exposure fairness, from sparse matrices of exposure.

A metric is defined on cells, user group × item group, where a group may be a single user or item, or all users. A
cell's value is the mean exposure of its pairs, minus the exposure by a random ranking. No dense users × items array
is needed: values that a sparse matrix does not store are zero, and can be counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, diags_array

from engine.evaluation.fairness.target import centre

METRICS = ("II", "IG", "GI", "GG", "AI", "AG")


@dataclass(frozen=True)
class Parts:
    """A metric and its components: fairness = disparity - relevance + target, lower is fairer.

    With e and t the system's and the target's mean exposure of a cell, minus the centre, and means over cells:
    fairness = mean (e - t)², disparity = mean e², relevance = 2 mean e t, target = mean t².
    """

    fairness: float
    disparity: float
    relevance: float
    target: float

    def by_letter(self) -> dict[str, float]:
        """Return the components as the paper names them: F, D, R and T² (T2)."""
        return {"F": self.fairness, "D": self.disparity, "R": self.relevance, "T2": self.target}


def measure(
    system: csr_array, target: csr_array, user_groups: csr_array, item_groups: csr_array
) -> dict[str, Parts]:
    """Return the six metrics of Wu et al. (SIGIR 2022), section 4, by name.

    system, target: (users, items) exposure. user_groups: (groups, users) and item_groups: (groups, items), a stored
    1 for each member. Groups may overlap, and an empty one counts as no difference. The first letter of a name
    stands for users, the second for items: individually (I), in groups (G), all together (A).
    """
    sides = {
        "I": (None, None),
        "G": (user_groups, item_groups),
        "A": (csr_array(np.ones((1, system.shape[0]))), None),
    }
    level = centre(target)
    return {name: _parts(system, target, sides[name[0]][0], sides[name[1]][1], level) for name in METRICS}


def cell_means(
    exposure: csr_array, user_groups: csr_array | None, item_groups: csr_array | None
) -> csr_array:
    """Return the mean exposure of each user group's and item group's pairs; None means individuals."""
    means = exposure if user_groups is None else averaging(user_groups) @ exposure
    return csr_array(means if item_groups is None else means @ averaging(item_groups).T)


def averaging(groups: csr_array) -> csr_array:
    """Divide each member's 1 by the size of its group, so that a product with the result is a mean."""
    sizes = np.diff(groups.indptr)
    return csr_array(diags_array(1.0 / np.maximum(sizes, 1)) @ groups)


def _parts(
    system: csr_array,
    target: csr_array,
    user_groups: csr_array | None,
    item_groups: csr_array | None,
    level: float,
) -> Parts:
    e, t = (cell_means(matrix, user_groups, item_groups) for matrix in (system, target))
    filled = _filled(user_groups, e.shape[0]) * _filled(item_groups, e.shape[1])
    cells = e.shape[0] * e.shape[1]
    products = e.multiply(t).sum() - level * (e.sum() + t.sum()) + level**2 * filled
    return Parts(
        fairness=float(((e - t).power(2)).sum()) / cells,
        disparity=_squares(e, level, filled) / cells,
        relevance=2.0 * float(products) / cells,
        target=_squares(t, level, filled) / cells,
    )


def _squares(means: csr_array, level: float, filled: int) -> float:
    """Return Σ (mean - level)² over cells with members; a cell that is not stored counts as 0 - level."""
    return float(((means.data - level) ** 2).sum() + level**2 * (filled - means.nnz))


def _filled(groups: csr_array | None, alone: int) -> int:
    """Return the number of groups with members; for individuals, their number `alone`."""
    return alone if groups is None else int(np.count_nonzero(np.diff(groups.indptr)))
