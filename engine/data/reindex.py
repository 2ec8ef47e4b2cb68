"""Brings a data set to the items of a model that was trained on another one: by their ids, unknown ones dropped."""

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

    items: distinct ones. interactions: with them, held-out ones included. users: who therefore have nothing to
    find in the test, or nothing to find it with.
    """

    items: int
    interactions: int
    users: int


def on_items(dataset: Dataset, item_ids: Sequence[str]) -> tuple[Dataset, Unknown]:
    """The data set with `item_ids` as its items, in their order, and what it lost by that. For the phase `test`.

    The split stays: a user whose held-out item is unknown is not tested, instead of being asked for another one.
    Items that only the model knows stay candidates. Raises B4RError where nobody is left to test.
    """
    new = _places(dataset.item_ids, item_ids)[dataset.items]
    kept = (new >= 0) & ~_of_untested(dataset, new)
    before = np.concatenate(([0], np.cumsum(kept)))
    cuts = {name: before[getattr(dataset, name)] for name in ("offsets", "validation_starts", "test_starts")}
    found = replace(
        dataset,
        items=new[kept].astype(np.int32),
        item_ids=np.asarray(item_ids, np.str_),
        split_fingerprint=_fingerprint(dataset, item_ids),
        **cuts,
    )
    tested, left = (len(each.evaluated_users("test")) for each in (dataset, found))
    unknown = Unknown(len(np.unique(dataset.items[new < 0])), int(np.sum(new < 0)), tested - left)
    if not left:
        raise B4RError(
            f"{dataset.name}: the checkpoint knows {dataset.num_items - unknown.items} of its {dataset.num_items} "
            "items, which leaves no user to test; items are matched by their original ids"
        )
    return found, unknown


def _places(ids: np.ndarray, wanted: Sequence[str]) -> np.ndarray:
    """(ids,) int64: the place of each id in `wanted`, -1 where it has none."""
    names = np.asarray(wanted, np.str_)
    order = np.argsort(names, kind="stable")
    known, places = find(names[order], ids)
    return np.where(known, order[places] if len(order) else -1, -1)


def _of_untested(dataset: Dataset, new: np.ndarray) -> np.ndarray:
    """(interactions,) bool: what users did from the test cut on, where the item to find there is unknown."""
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
