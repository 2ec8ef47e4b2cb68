"""The metrics by their definition, cell by cell and pair by pair, in plain loops, as an oracle."""

import itertools

import numpy as np
from scipy.sparse import csr_array

from engine.evaluation.fairness.metrics import METRICS, measure


def by_hand(system, target, user_groups, item_groups):
    """Metric → F, D, R and T by name. All arguments are dense lists of rows; groups have a 1 for each member."""
    sides = {
        "I": (np.eye(len(system)), np.eye(len(system[0]))),
        "G": (user_groups, item_groups),
        "A": (np.ones((1, len(system))), None),
    }
    centre = np.mean(target)
    found = {}
    for name in METRICS:
        cells = [
            cell(system, target, users, items, centre)
            for users, items in itertools.product(sides[name[0]][0], sides[name[1]][1])
        ]
        e, t = np.array(cells).T
        found[name] = {
            "F": np.mean((e - t) ** 2),
            "D": np.mean(e**2),
            "R": 2 * np.mean(e * t),
            "T": np.mean(t**2),
        }
    return found


def cell(system, target, users, items, centre):
    pairs = [(u, i) for u in range(len(users)) for i in range(len(items)) if users[u] and items[i]]
    if not pairs:
        return 0.0, 0.0
    return tuple(np.mean([matrix[u][i] for u, i in pairs]) - centre for matrix in (system, target))


def fast(system, target, user_groups, item_groups):
    """The same by the code under test."""
    found = measure(
        *(csr_array(np.array(matrix, float)) for matrix in (system, target, user_groups, item_groups))
    )
    return {
        name: {"F": parts.fairness, "D": parts.disparity, "R": parts.relevance, "T": parts.target}
        for name, parts in found.items()
    }
