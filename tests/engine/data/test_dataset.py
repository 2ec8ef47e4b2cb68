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
    users = dataset.evaluated_users("test")
    assert users.tolist() == dataset.evaluated_users("validate").tolist()
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


@st.composite
def cut_histories(draw):
    """Histories, and where in each validation and test start."""
    rows = draw(histories)
    starts = [sorted(draw(st.tuples(*[st.integers(0, len(row))] * 2))) for row in rows]
    return rows, starts


@given(cut_histories())
def test_a_phases_target_is_the_first_interaction_after_its_cut(drawn):
    rows, starts = drawn
    dataset = dataset_of(rows, 10, starts)
    assert dataset.training_items.tolist() == [
        item for row, (cut, _) in zip(rows, starts, strict=True) for item in row[:cut]
    ]
    parts = {
        "validate": [(row[:cut], row[cut:end]) for row, (cut, end) in zip(rows, starts, strict=True)],
        "test": [(row[:cut] and row[:end], row[end:]) for row, (cut, end) in zip(rows, starts, strict=True)],
    }
    for phase, of_users in parts.items():
        users = dataset.evaluated_users(phase)
        assert users.tolist() == [u for u, (known, later) in enumerate(of_users) if known and later]
        assert dataset.targets(users, phase).tolist() == [of_users[user][1][0] for user in users]
        bounds = zip(*dataset.history_bounds(users, phase), strict=True)
        assert [dataset.items[a:b].tolist() for a, b in bounds] == [of_users[user][0] for user in users]


def test_a_user_who_is_not_evaluated_has_no_target_and_a_full_history():
    dataset = dataset_of([[0, 1], [0, 1, 2]], 3)
    with pytest.raises(ValueError, match="phase test has no held-out item"):
        dataset.targets(np.array([0, 1]), "test")
    assert [bound.tolist() for bound in dataset.history_bounds(np.array([0]), "test")] == [[0], [2]]
