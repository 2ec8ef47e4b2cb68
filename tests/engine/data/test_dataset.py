"""Held-out items, histories and popularity agree with the definition in plain Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import dataset_of

histories = st.lists(st.lists(st.integers(0, 9), max_size=8), min_size=1, max_size=8)


@given(histories)
def test_training_validation_and_test_are_all_but_two_the_next_and_the_last(rows):
    dataset = dataset_of(rows, 10)
    users = dataset.evaluated_users
    assert users.tolist() == [user for user, row in enumerate(rows) if len(row) >= 3]
    training = [row[:-2] if len(row) >= 3 else row for row in rows]
    assert dataset.training_items.tolist() == [item for row in training for item in row]
    assert dataset.popularity.tolist() == [sum(row.count(item) for row in training) for item in range(10)]
    assert dataset.train_ends().tolist() == [
        dataset.offsets[user] + len(row) for user, row in enumerate(training)
    ]
    for phase, back in (("validate", 2), ("test", 1)):
        assert dataset.targets(users, phase).tolist() == [rows[user][-back] for user in users]
        bounds = zip(*dataset.history_bounds(users, phase), strict=True)
        assert [dataset.items[start:end].tolist() for start, end in bounds] == [
            rows[user][:-back] for user in users
        ]


def test_a_user_who_is_not_held_out_has_no_target_and_a_whole_history():
    dataset = dataset_of([[0, 1], [0, 1, 2]], 3)
    with pytest.raises(ValueError, match="no held-out item"):
        dataset.targets(np.array([0, 1]), "test")
    assert [bound.tolist() for bound in dataset.history_bounds(np.array([0]), "test")] == [[0], [2]]
