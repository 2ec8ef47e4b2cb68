"""Indices follow sorted ids, and rows are ordered by user, time and place in the file."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.ids import compact, encode
from engine.data.split import in_time_order, user_offsets
from engine.errors import B4RError


@given(st.lists(st.integers(0, 2**62), min_size=1) | st.lists(st.text(), min_size=1))
def test_ids_are_sorted_and_lead_back(values):
    codes, ids = encode(pd.Series(values))
    assert ids.tolist() == sorted(set(values))
    assert [ids[code] for code in codes] == values


def test_numbers_are_sorted_by_value_and_texts_by_code_point():
    assert encode(pd.Series([10, 9]))[1].tolist() == [9, 10]
    assert encode(pd.Series(["10", "9", "b", "B", "é"]))[1].tolist() == ["10", "9", "B", "b", "é"]


@given(st.lists(st.integers(0, 9), min_size=1), st.data())
def test_compacting_keeps_the_ids_of_the_rows_left(values, data):
    codes, ids = encode(pd.Series(values))
    kept = np.array(data.draw(st.lists(st.sampled_from(range(len(values))), min_size=1)))
    new_codes, new_ids = compact(codes[kept], ids)
    assert new_ids[new_codes].tolist() == [values[row] for row in kept]
    assert sorted(set(new_codes)) == list(range(len(new_ids)))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1))
def test_equal_times_keep_the_order_of_the_file(rows):
    users, times = (np.array(column) for column in zip(*rows, strict=True))
    order = in_time_order(users, times)
    assert order.tolist() == sorted(range(len(rows)), key=lambda row: (*rows[row], row))


def test_a_data_set_without_anything_to_hold_out_is_refused():
    with pytest.raises(B4RError, match=r"no user has the 3 interactions .* \(the longest history has 2\)"):
        user_offsets(np.array([0, 0, 1]), 2)
    assert user_offsets(np.array([0, 0, 0, 2]), 3).tolist() == [0, 3, 3, 4]
