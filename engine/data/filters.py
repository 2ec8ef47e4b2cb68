"""Drops rows, items and users below the minima, until every minimum holds.

Order: rating, then items, then users. A user dropped can push an item below its minimum, so items and users
are filtered again until nothing changes.
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
    """Indices of the rows that stay, rising, and what each step left.

    users, items: (rows,) int64 codes from 0. ratings: (rows,) float. Rows rated `min_rating` or more stay,
    and of these the largest set in which each item has `min_item_count` rows and each user `min_user_count`.
    read: what the reader had before it left rows out that it could not use, if it left any out.
    Raises B4RError if nothing is left.
    """
    rows = np.arange(len(users))
    funnel = [_step("usable" if read else "read", rows, users, items)]
    if read:
        funnel.insert(0, read)

    def left_by(name: str, rows: np.ndarray) -> np.ndarray:
        unchanged = len(rows) == funnel[-1].interactions  # then counting again would be for nothing
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
    """(rows,) bool; a row without a rating (NaN) stays if no rating is asked for."""
    return np.where(np.isnan(ratings), minimum <= 0, ratings >= minimum)


def _to_fixed_point(rows: np.ndarray, users: np.ndarray, items: np.ndarray, config: DataConfig) -> np.ndarray:
    before = -1
    while len(rows) != before:
        before = len(rows)
        rows = _with_count(rows, items, config.min_item_count)
        rows = _with_count(rows, users, config.min_user_count)
    return rows


def _with_count(rows: np.ndarray, codes: np.ndarray, minimum: int) -> np.ndarray:
    """The rows whose code stands in at least `minimum` of the rows."""
    if minimum <= 1 or not len(rows):
        return rows
    kept = codes[rows]
    return rows[np.bincount(kept)[kept] >= minimum]


def _step(name: str, rows: np.ndarray, users: np.ndarray, items: np.ndarray) -> FunnelStep:
    return FunnelStep(name, len(rows), _distinct(users[rows]), _distinct(items[rows]))


def _distinct(codes: np.ndarray) -> int:
    return int(np.count_nonzero(np.bincount(codes))) if len(codes) else 0


def _nothing_left(funnel: list[FunnelStep], config: DataConfig) -> str:
    counts = ", ".join(f"{step.name} {step.interactions}" for step in funnel)
    return (
        f"the filters min_rating = {config.min_rating:g}, min_item_count = {config.min_item_count} and "
        f"min_user_count = {config.min_user_count} leave no interaction (left after {counts}); lower them"
    )
