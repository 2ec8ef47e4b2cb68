"""Filters: every minimum holds at the end, nothing is dropped needlessly, and each step is counted."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.config.data import DataConfig
from engine.contract.errors import B4RError
from engine.data.filters import filter_rows

row = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 5))


def largest_core(rows, config):
    """Row numbers that stay, found by dropping one offender at a time."""
    kept = {number for number, (_, _, rating) in enumerate(rows) if rating >= config.min_rating}
    while True:
        for number in kept:
            user, item, _ = rows[number]
            of_user = sum(rows[other][0] == user for other in kept)
            of_item = sum(rows[other][1] == item for other in kept)
            if of_user < config.min_user_count or of_item < config.min_item_count:
                kept.remove(number)
                break
        else:
            return sorted(kept)


@given(st.lists(row, min_size=1, max_size=40), st.integers(1, 5), st.integers(1, 4), st.integers(0, 4))
def test_the_largest_set_of_rows_with_all_minima_stays(rows, min_rating, min_user, min_item):
    config = DataConfig(min_rating=min_rating, min_user_count=min_user, min_item_count=min_item)
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    expected = largest_core(rows, config)
    if not expected:
        with pytest.raises(B4RError, match="leave no interactions"):
            filter_rows(*columns, config)
        return
    kept, funnel = filter_rows(*columns, config)
    assert kept.tolist() == expected
    assert funnel[0].interactions == len(rows)
    users, items = columns[0][kept], columns[1][kept]
    last = funnel[-1]
    assert (last.interactions, last.users, last.items) == (len(kept), len(set(users)), len(set(items)))
    assert all(a.interactions >= b.interactions for a, b in pairwise(funnel))


def test_the_items_are_filtered_before_the_users_and_then_again():
    users, items = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 0, 1])
    config = DataConfig(min_user_count=3, min_item_count=2)
    with pytest.raises(B4RError, match="min_item_count 4, min_user_count 0, repeated 0"):
        filter_rows(users, items, np.ones(5), config)


def test_if_no_rows_are_left_the_error_names_settings_and_counts():
    config = DataConfig(min_rating=4.5, min_user_count=2)
    with pytest.raises(
        B4RError, match=r"min_rating = 4\.5.*min_user_count = 2.*read 3, min_rating 0.*lower them"
    ):
        filter_rows(np.zeros(3, int), np.arange(3), np.full(3, 4.0), config)


def test_filters_repeat_until_nothing_changes():
    links = np.arange(10)
    users = np.concatenate((np.repeat(links, 2), [20, 20, 21, 21]))
    items = np.concatenate((np.stack((links, links + 1), axis=1).ravel(), [30, 31, 30, 31]))
    config = DataConfig(min_user_count=2, min_item_count=2)
    kept, funnel = filter_rows(users, items, np.ones(len(users)), config)
    assert kept.tolist() == [20, 21, 22, 23]
    assert (funnel[-2].users, funnel[-1].users) == (10, 2)
