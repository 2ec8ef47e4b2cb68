"""One measurement: from the lists of all users, and ratings, to the contents of the result file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from engine.contract.options.fairness import FairnessOptions
from engine.evaluation.fairness.exposure import discounts, static_exposure
from engine.evaluation.fairness.groups import Groups
from engine.evaluation.fairness.rankings import Rankings, scaled
from engine.evaluation.fairness.relevance import relevant_targets
from engine.evaluation.fairness.result import LIST_LENGTH, group_tables, result_of
from engine.evaluation.fairness.target import centre, target_exposure
from engine.evaluation.fairness.tradeoff import Draws, Reference, trade_off


def measure_rankings(
    rankings: Rankings,
    ratings: np.ndarray,
    groups: tuple[Groups, Groups],
    options: FairnessOptions,
    facts: dict[str, Any],
    on_step: Callable[[int, int], None],
) -> dict[str, Any]:
    """Return the result. ratings: (n,) of held-out items, NaN for none. groups: of ranked users, and of all items.

    facts: about run and data. on_step: gets the lists drawn so far, and of all, in users × temperatures. Raises
    B4RError if scores cannot be scaled or nothing is relevant.
    """
    num_items = groups[1].members.shape[1]
    relevance = relevant_targets(rankings, ratings, options.relevant_rating, num_items)
    target = target_exposure(relevance.matrix, options.convention)
    discount = discounts(LIST_LENGTH, options.convention)
    steps = len(rankings.users) * len(options.temperatures)
    points = trade_off(
        replace(rankings, scores=scaled(rankings.scores, options.scale)),
        Reference(target, groups[0].members, groups[1].members),
        discount,
        Draws(options.temperatures, options.samples, options.seed),
        lambda step: on_step(step, steps),
    )
    counts = {"users": len(rankings.users), "items": num_items, "relevance": relevance.rule}
    counts |= {"relevant_users": relevance.users, "centre": centre(target)}
    static = static_exposure(rankings.items, num_items, discount)
    tables = group_tables(static, target, groups)
    return result_of(options, facts | counts, groups, list(points), tables)
