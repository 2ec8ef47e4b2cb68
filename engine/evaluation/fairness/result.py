"""What a measurement leaves behind: one JSON object that says what was measured, and on what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from engine.contract.options.fairness import FairnessOptions
from engine.evaluation.fairness.exposure import EXPONENTS, PATIENCE
from engine.evaluation.fairness.groups import Groups
from engine.evaluation.fairness.metrics import cell_means
from engine.evaluation.fairness.tradeoff import NDCG_CUT, Point

LIST_LENGTH = 100  # ranks that have exposure, as in the published work
MOST_CELLS = 10_000  # of the user group × item group tables in the file


def result_of(
    options: FairnessOptions,
    facts: dict[str, Any],
    groups: tuple[Groups, Groups],
    points: Sequence[Point],
    tables: dict[str, list[list[float]]],
) -> dict[str, Any]:
    """The object. facts: of run, data and relevance. tables: mean exposure of user groups (rows) × item groups."""
    chosen = asdict(options)
    kept = ("ranker", "samples", "seed", "scale", "convention", "relevant_rating")
    return {
        "v": 1,
        **facts,
        **{name: chosen[name] for name in kept},
        "patience": PATIENCE,
        "exposure": EXPONENTS[options.convention],
        "list_length": LIST_LENGTH,
        "user_groups": _described(groups[0]),
        "item_groups": _described(groups[1]),
        "points": [_point(point) for point in points],
        "static_group_exposure": tables,
    }


def group_tables(
    static: csr_array, target: csr_array, groups: tuple[Groups, Groups]
) -> dict[str, list[list[float]]]:
    """Mean exposure by user group and item group, of the static system and the target; nothing where too many."""
    sides = [one.members for one in groups]
    if sides[0].shape[0] * sides[1].shape[0] > MOST_CELLS:
        return {}
    means = {"system": cell_means(static, *sides), "target": cell_means(target, *sides)}
    return {name: np.asarray(table.toarray()).tolist() for name, table in means.items()}


def _described(groups: Groups) -> dict[str, Any]:
    return {
        "kind": groups.kind,
        "sizes": groups.sizes,
        "outside": groups.outside,
        "unknown_ids": groups.unknown,
    }


def _point(point: Point) -> dict[str, Any]:
    return {
        "temperature": point.temperature,
        f"ndcg@{NDCG_CUT}": point.ndcg,
        "metrics": {name: parts.by_letter() for name, parts in point.metrics.items()},
    }
