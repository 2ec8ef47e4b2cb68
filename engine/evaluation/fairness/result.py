"""The result of a measurement: one JSON object with what was measured, and on what."""

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
MOST_CELLS = 10_000  # in the user group × item group tables of the file


def result_of(
    options: FairnessOptions,
    facts: dict[str, Any],
    groups: tuple[Groups, Groups],
    points: Sequence[Point],
    tables: dict[str, list[list[float]]],
) -> dict[str, Any]:
    """Return the object. facts: of run, data and relevance. tables: mean exposure, user groups (rows) × item groups."""
    chosen = asdict(options)
    recorded = ("ranker", "samples", "seed", "scale", "convention", "relevant_rating")
    return {
        "v": 1,
        **facts,
        **{name: chosen[name] for name in recorded},
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
    """Return mean exposure by user and item group, of the static system and the target; {} if there are too many."""
    members = [side.members for side in groups]
    if members[0].shape[0] * members[1].shape[0] > MOST_CELLS:
        return {}
    means = {"system": cell_means(static, *members), "target": cell_means(target, *members)}
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
