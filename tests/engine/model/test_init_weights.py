"""Weights at birth: any piece of a table is the same numbers, distributed as a truncated normal."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.model.init_weights import STD, initialise_dense, truncated_normal

WHOLE = truncated_normal(3, "table", range(40), range(16))


@given(st.integers(0, 39), st.integers(1, 40), st.integers(0, 15), st.integers(1, 16))
def test_a_piece_of_a_table_is_what_the_whole_has_there(row, rows, column, columns):
    rows, columns = range(row, min(row + rows, 40)), range(column, min(column + columns, 16))
    piece = truncated_normal(3, "table", rows, columns)
    assert torch.equal(piece, WHOLE[rows.start : rows.stop, columns.start : columns.stop])


def test_tables_of_other_names_and_seeds_differ():
    assert not torch.equal(WHOLE, truncated_normal(4, "table", range(40), range(16)))
    assert not torch.equal(WHOLE, truncated_normal(3, "other", range(40), range(16)))


def test_numbers_are_those_of_torchs_truncated_normal():
    ours = truncated_normal(0, "big", range(2000), range(100)).flatten()
    theirs = torch.nn.init.trunc_normal_(torch.empty(200_000), std=STD, a=-2 * STD, b=2 * STD)
    assert ours.abs().max() <= 2 * STD
    levels = torch.linspace(0.01, 0.99, 50)
    assert ours.quantile(levels).numpy() == pytest.approx(theirs.quantile(levels).numpy(), abs=0.03 * STD)


def test_linear_layers_can_start_with_the_deviation_of_xavier():
    layer = torch.nn.Linear(300, 100)
    initialise_dense(layer, seed=1, by_width=True)
    assert float(layer.weight.std()) == pytest.approx((2 / 400) ** 0.5, rel=0.02)
    initialise_dense(layer, seed=1)
    assert float(layer.weight.std()) == pytest.approx(0.88 * STD, rel=0.02)
