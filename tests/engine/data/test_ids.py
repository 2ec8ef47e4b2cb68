"""Indices follow sorted ids and lead back to them."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from engine.data.ids import compact, encode


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
