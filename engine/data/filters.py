"""Drops rows, items and users below the minima, until every minimum holds (k-core).

Order: rating, then items, then users. Dropping a user can push an item below its minimum, so items and users are
filtered again until nothing changes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.contract.config.data import DataConfig
from engine.contract.errors import B4RError
from engine.data.dataset import FunnelStep


def filter_rows(
    users: np.ndarray,
    items: np.ndarray,
    ratings: np.ndarray,
    config: DataConfig,
    read: FunnelStep | None = None,
) -> tuple[np.ndarray, tuple[FunnelStep, ...]]:
    """Return the ascending indices of the remaining rows, and what each step left.

    users, items: (rows,) int64 codes from 0. ratings: (rows,) float. Of the rows rated `min_rating` or higher, the
    largest set remains in which each item has `min_item_count` rows and each user `min_user_count`. read: what the
    reader read before it dropped unusable rows, if it dropped any. Raises B4RError if nothing is left.
    """
    rows = np.arange(len(users))
    funnel = [_step("usable" if read else "read", rows, users, items)]
    if read:
        funnel.insert(0, read)

    def left_by(name: str, rows: np.ndarray) -> np.ndarray:
        unchanged = len(rows) == funnel[-1].interactions  # saves counting users and items again
        funnel.append(replace(funnel[-1], name=name) if unchanged else _step(name, rows, users, items))
        return rows

    rows = left_by("min_rating", rows[_rated_enough(ratings, config.min_rating)])
    rows = left_by("min_item_count", _with_count(rows, items, config.min_item_count))
    rows = left_by("min_user_count", _with_count(rows, users, config.min_user_count))
    rows = left_by("repeated", _to_fixed_point(rows, users, items, config))
    if not len(rows):
        raise B4RError(_nothing_left(funnel, config))
    return rows, tuple(funnel)


def _rated_enough(ratings: np.ndarray, minimum: float) -> np.ndarray:
    """Mark the rows rated high enough, (rows,) bool; unrated rows (NaN) pass if no minimum is set."""
    return np.where(np.isnan(ratings), minimum <= 0, ratings >= minimum)


def _to_fixed_point(rows: np.ndarray, users: np.ndarray, items: np.ndarray, config: DataConfig) -> np.ndarray:
    before = -1
    while len(rows) != before:
        before = len(rows)
        rows = _with_count(rows, items, config.min_item_count)
        rows = _with_count(rows, users, config.min_user_count)
    return rows


def _with_count(rows: np.ndarray, codes: np.ndarray, minimum: int) -> np.ndarray:
    """Return the rows whose code occurs in at least `minimum` of them."""
    if minimum <= 1 or not len(rows):
        return rows
    codes = codes[rows]
    return rows[np.bincount(codes)[codes] >= minimum]


def _step(name: str, rows: np.ndarray, users: np.ndarray, items: np.ndarray) -> FunnelStep:
    return FunnelStep(name, len(rows), _distinct(users[rows]), _distinct(items[rows]))


def _distinct(codes: np.ndarray) -> int:
    return int(np.count_nonzero(np.bincount(codes))) if len(codes) else 0


def _nothing_left(funnel: list[FunnelStep], config: DataConfig) -> str:
    counts = ", ".join(f"{step.name} {step.interactions}" for step in funnel)
    return (
        f"the filters min_rating = {config.min_rating:g}, min_item_count = {config.min_item_count} and "
        f"min_user_count = {config.min_user_count} leave no interactions (after each step: {counts}); lower them"
    )
