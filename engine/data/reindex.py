"""Reindexes a data set to the items of a model trained on other data: by item ids, dropping unknown ones."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.contract.errors import B4RError
from engine.data.dataset import Dataset
from engine.data.fingerprint import of_settings
from engine.data.ragged import rows_and_positions
from engine.data.seen_items import find

RULES = 1  # raise it whenever the same data and items would give another data set


@dataclass(frozen=True)
class Unknown:
    """What of a data set the model does not know.

    items: distinct unknown items. interactions: with them, including held-out ones. users: those who cannot be
    tested for lack of a known held-out item or a known history.
    """

    items: int
    interactions: int
    users: int


def on_items(dataset: Dataset, item_ids: Sequence[str]) -> tuple[Dataset, Unknown]:
    """Return the data set with `item_ids` as its items, in their order, and what was dropped. For the phase `test`.

    The split stays: a user whose held-out item is unknown is not tested, rather than tested on another one. Items
    that only the model knows stay candidates. Raises B4RError if no user is left to test.
    """
    new = _places(dataset.item_ids, item_ids)[dataset.items]
    known = (new >= 0) & ~_of_untested(dataset, new)
    before = np.concatenate(([0], np.cumsum(known)))
    cuts = {name: before[getattr(dataset, name)] for name in ("offsets", "validation_starts", "test_starts")}
    reindexed = replace(
        dataset,
        items=new[known].astype(np.int32),
        item_ids=np.asarray(item_ids, np.str_),
        split_fingerprint=_fingerprint(dataset, item_ids),
        **cuts,
    )
    tested, left = (len(each.evaluated_users("test")) for each in (dataset, reindexed))
    unknown = Unknown(len(np.unique(dataset.items[new < 0])), int(np.sum(new < 0)), tested - left)
    if not left:
        raise B4RError(
            f"{dataset.name}: the checkpoint knows {dataset.num_items - unknown.items} of its {dataset.num_items} "
            "items, which leaves no user to test; use data with the item IDs of the training data"
        )
    return reindexed, unknown


def _places(ids: np.ndarray, wanted: Sequence[str]) -> np.ndarray:
    """Return the place of each id in `wanted`, -1 if it is not there: (ids,) int64."""
    names = np.asarray(wanted, np.str_)
    order = np.argsort(names, kind="stable")
    known, places = find(names[order], ids)
    return np.where(known, order[places] if len(order) else -1, -1)


def _of_untested(dataset: Dataset, new: np.ndarray) -> np.ndarray:
    """Mark the interactions after the test cut of users whose held-out item is unknown: (interactions,) bool."""
    users = dataset.evaluated_users("test")
    users = users[new[dataset.test_starts[users]] < 0]
    starts = dataset.test_starts[users]
    rows, positions = rows_and_positions(dataset.offsets[users + 1] - starts)
    dropped = np.zeros(len(new), dtype=bool)
    dropped[starts[rows] + positions] = True
    return dropped


def _fingerprint(dataset: Dataset, item_ids: Sequence[str]) -> str:
    items = hashlib.sha256("\n".join(item_ids).encode()).hexdigest()
    return of_settings(rules=RULES, split=dataset.split_fingerprint, items=items)
