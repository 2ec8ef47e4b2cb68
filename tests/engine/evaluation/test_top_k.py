"""The k best items against a plain sort, in blocks of any size and with many ties; metrics of the lists."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.evaluation import list_metrics
from engine.evaluation.top_k import TopK

NEVER = float("-inf")
rows = st.integers(1, 9).flatmap(
    lambda items: st.lists(
        st.lists(st.sampled_from([NEVER, 0.0, 1.0, 2.0]), min_size=items, max_size=items),
        min_size=1,
        max_size=4,
    )
)


def by_hand(row, k):
    order = sorted(
        (item for item in range(len(row)) if row[item] > NEVER), key=lambda item: (-row[item], item)
    )
    return (order + [-1] * k)[:k]


@given(rows, st.integers(1, 11), st.integers(1, 9))
def test_the_best_come_first_and_of_equals_the_smaller_index(scores, k, block):
    top, table = TopK(k), torch.tensor(scores)
    for first in range(0, table.shape[1], block):
        top.add(table[:, first : first + block], first)
    assert top.items().tolist() == [by_hand(row, k) for row in scores]


@given(st.integers(0, 10_000), st.integers(1, 30), st.sampled_from([2, 5, 40, 100_000]))
def test_long_rows_give_the_same_best_by_their_cells(seed, k, distinct):
    generator = np.random.default_rng(seed)
    columns = int(generator.integers(4096, 9000))
    table = torch.from_numpy(generator.integers(0, distinct, (2, columns)).astype(np.float32))
    table[0, generator.random(columns) < 0.2] = NEVER
    top = TopK(k)
    top.add(table, 0)
    assert top.items().tolist() == [by_hand(row, k) for row in table.tolist()]


def test_coverage_is_the_share_of_items_in_any_list():
    top = np.array([[0, 1, -1], [1, 3, 2]])
    assert list_metrics.of_catalogue(top, 8, [1, 2, 3]) == {
        "coverage@1": 0.25,
        "coverage@2": 3 / 8,
        "coverage@3": 0.5,
    }
    assert list_metrics.coverage(np.full((2, 2), -1), 8) == 0.0


def test_average_popularity_is_a_mean_over_each_list():
    top, popularity = np.array([[0, 1, -1], [1, 3, 2], [-1, -1, -1]]), np.array([0.5, 0.25, 0.0, 0.125])
    found = list_metrics.per_user(top, popularity, [1, 3])
    assert found["arp@1"].tolist() == [0.5, 0.25, 0.0]
    assert found["arp@3"] == pytest.approx([0.375, 0.125, 0.0])
