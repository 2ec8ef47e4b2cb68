"""Reindexing a data set to a model's items, against plain loops."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.contract.errors import B4RError
from engine.data.reindex import on_items
from tests.builders import dataset_of

HISTORIES = st.lists(st.lists(st.integers(0, 7), min_size=1, max_size=9), min_size=1, max_size=6)
KNOWN = st.permutations([f"item {i}" for i in range(8)] + ["item 90", "item 91"])


@given(HISTORIES, KNOWN, st.integers(1, 10))
def test_histories_and_targets_contain_only_known_items(histories, ids, count):
    known = ids[:count]
    before = dataset_of(histories, 8)
    expected, unknown_rows = {}, 0
    for user, history in enumerate(histories):
        names = [f"item {i}" for i in history]
        unknown_rows += sum(name not in known for name in names)
        if len(history) >= 3 and names[-1] in known and any(name in known for name in names[:-2]):
            expected[user] = ([name for name in names[:-1] if name in known], names[-1])
    if not expected:
        with pytest.raises(B4RError, match="leaves no user to test"):
            on_items(before, known)
        return
    after, unknown = on_items(before, known)
    users = after.evaluated_users("test")
    assert users.tolist() == sorted(expected) and after.item_ids.tolist() == known
    for user, start, end, target in zip(
        users, *after.history_bounds(users, "test"), after.targets(users, "test"), strict=True
    ):
        history = after.item_ids[after.items[start:end]].tolist()
        assert (history, known[target]) == expected[user]
    assert unknown.interactions == unknown_rows
    assert unknown.users == sum(len(h) >= 3 for h in histories) - len(expected)
    assert unknown.items == len({i for h in histories for i in h if f"item {i}" not in known})


def test_an_interaction_after_an_unknown_target_does_not_replace_it():
    """As a temporal split has it, where more follows a held-out interaction."""
    data = dataset_of([[0, 1, 2, 3], [0, 1, 3, 2]], 4, starts=[(1, 2), (1, 2)])
    after, unknown = on_items(data, ["item 3", "item 1", "item 0"])
    assert after.evaluated_users("test").tolist() == [1]
    assert (unknown.items, unknown.interactions, unknown.users) == (1, 2, 1)


@given(KNOWN)
def test_the_order_of_the_items_is_part_of_the_fingerprint(ids):
    assume(ids != sorted(ids))
    data = dataset_of([[0, 1, 2, 3, 4, 5, 6, 7]], 8)
    one, other = (on_items(data, order)[0].split_fingerprint for order in (ids, sorted(ids)))
    assert one != other and data.split_fingerprint not in (one, other)
    assert np.array_equal(on_items(data, ids)[0].offsets, data.offsets)
