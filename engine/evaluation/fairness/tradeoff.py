"""The trade-off of fairness and accuracy, on rankings from random to deterministic by temperature."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from engine.evaluation.fairness.exposure import exposure_matrix, static_exposure
from engine.evaluation.fairness.metrics import Parts, measure
from engine.evaluation.fairness.plackett_luce import exposure_of, sampled_orders
from engine.evaluation.fairness.rankings import Rankings

NDCG_CUT = 10
OnUser = Callable[[int], None]


@dataclass(frozen=True)
class Point:
    """The mean NDCG@10 and the six metrics at one temperature, or of the static rankings (None)."""

    temperature: float | None
    ndcg: float
    metrics: dict[str, Parts]


@dataclass(frozen=True, eq=False)
class Reference:
    """What rankings are compared with: target exposure (users, items), and members of user and item groups."""

    target: csr_array
    user_groups: csr_array
    item_groups: csr_array

    def point(self, temperature: float | None, exposure: csr_array, gains: np.ndarray) -> Point:
        """Return the point of a system with this exposure (users, items) and these gains (users,)."""
        metrics = measure(exposure, self.target, self.user_groups, self.item_groups)
        return Point(temperature, float(gains.mean()), metrics)


@dataclass(frozen=True)
class Draws:
    """The number of rankings drawn at each temperature, and the seed."""

    temperatures: Sequence[float]
    samples: int
    seed: int


def trade_off(
    rankings: Rankings, sides: Reference, discount: np.ndarray, draws: Draws, on_user: OnUser | None = None
) -> Iterator[Point]:
    """Yield the static point, then one for each temperature. discount: (k,). on_user: gets the users drawn so far.

    Memory holds one temperature at a time, users × k numbers, and the drawn rankings of one user.
    """
    num_items = sides.target.shape[1]
    static = static_exposure(rankings.items, num_items, discount)
    yield sides.point(None, static, gains_of_places(rankings.target_columns))
    for number, temperature in enumerate(draws.temperatures):
        before = number * len(rankings.users)
        exposure, gains = _sampled(rankings, discount, temperature, draws, before, on_user)
        yield sides.point(temperature, exposure_matrix(rankings.items, exposure, num_items), gains)


def _sampled(
    rankings: Rankings,
    discount: np.ndarray,
    temperature: float,
    draws: Draws,
    before: int,
    on_user: OnUser | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean exposure (users, k) and mean gain of the held-out item (users,) over the drawn rankings."""
    exposure, gains = np.zeros(rankings.items.shape), np.zeros(len(rankings.users))
    columns, lengths = rankings.target_columns, (rankings.items >= 0).sum(axis=1)
    for row, user in enumerate(rankings.users):
        shown = lengths[row]
        pieces = sampled_orders(
            rankings.scores[row, :shown], int(user), temperature, draws.samples, draws.seed
        )
        for orders in pieces if shown else ():
            exposure[row, :shown] += exposure_of(orders, discount[:shown])
            if columns[row] >= 0:
                gains[row] += gains_of_places((orders == columns[row]).argmax(axis=1)).sum()
        if on_user:
            on_user(before + row + 1)
    return exposure / draws.samples, gains / draws.samples


def gains_of_places(places: np.ndarray) -> np.ndarray:
    """Return NDCG@10 of one relevant item at places from 0, -1 for unlisted: 1 / log2(2 + place), 0 from 10 on.

    Järvelin, Kekäläinen: Cumulated gain-based evaluation of IR techniques (TOIS 2002).
    """
    near = (places >= 0) & (places < NDCG_CUT)
    return np.where(near, 1.0 / np.log2(2.0 + np.maximum(places, 0)), 0.0)
