"""Ranks against a sort in plain Python; invalid scores are refused."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.errors import B4RError, ExitCode
from engine.evaluation.ranks import average_ranks, compare, count_true, rank_among, rank_of_target

score_rows = st.integers(1, 6).flatmap(
    lambda items: st.lists(
        st.lists(st.sampled_from([-3.5, 0.0, 0.5, 7.0]), min_size=items, max_size=items),
        min_size=1,
        max_size=5,
    )
)


def average_place(scores, target):
    """The mean place of the target over the places of its ties in a falling order."""
    order = sorted(scores, reverse=True)
    places = [place for place, score in enumerate(order, start=1) if score == scores[target]]
    return sum(places) / len(places)


@given(score_rows, st.data())
def test_the_rank_is_the_mean_place_of_the_ties(rows, data):
    targets = data.draw(st.lists(st.integers(0, len(rows[0]) - 1), min_size=len(rows), max_size=len(rows)))
    scores, target = torch.tensor(rows), torch.tensor(targets)
    ranks = average_ranks(scores, target)
    assert ranks.dtype == torch.float64
    expected = [average_place(row, place) for row, place in zip(rows, targets, strict=True)]
    assert ranks.tolist() == expected
    better, ties = rank_of_target(scores, target)
    assert (better + 1 + ties / 2).tolist() == expected
    assert ties.tolist() == [row.count(row[place]) - 1 for row, place in zip(rows, targets, strict=True)]


@given(score_rows, st.data())
def test_candidates_that_are_not_valid_do_not_count(rows, data):
    valid = [[data.draw(st.booleans()) for _ in row] for row in rows]
    better, ties = rank_among(torch.zeros(len(rows)), torch.tensor(rows), torch.tensor(valid))
    kept = [
        [score for score, ok in zip(row, mask, strict=True) if ok]
        for row, mask in zip(rows, valid, strict=True)
    ]
    assert better.tolist() == [sum(score > 0 for score in row) for row in kept]
    assert ties.tolist() == [row.count(0) for row in kept]


@pytest.mark.parametrize("columns", [0, 1, 9, 2039, 2040, 2041, 6200])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_truth_values_are_counted_row_by_row_without_a_carry(columns, share):
    mask = np.random.default_rng(columns).random((3, columns)) < share
    assert count_true(mask).tolist() == mask.sum(axis=1).tolist()


def test_long_rows_with_ties_are_counted_as_a_comparison_counts_them():
    scores = torch.randint(0, 50, (90, 9001), generator=torch.Generator().manual_seed(0)).float()
    target = torch.arange(90)
    better, ties = rank_of_target(scores, target)
    own = scores.gather(1, target[:, None])
    assert better.tolist() == (scores > own).sum(1).tolist()
    assert ties.tolist() == ((scores == own).sum(1) - 1).tolist()


def test_a_row_of_equal_scores_gives_the_middle_rank():
    assert average_ranks(torch.zeros(2, 7), torch.tensor([0, 6])).tolist() == [4.0, 4.0]


def test_excluded_items_do_not_count():
    scores = torch.tensor([[9.0, -torch.inf, 1.0, -torch.inf]])
    assert average_ranks(scores, torch.tensor([2])).tolist() == [2.0]


def test_counts_of_blocks_of_items_add_up():
    scores, target_scores = torch.randn(5, 30).round(decimals=1), torch.zeros(5, 1)
    whole = compare(scores, target_scores)
    blocks = [compare(block, target_scores) for block in scores.split(7, dim=1)]
    for count, parts in zip(whole, zip(*blocks, strict=True), strict=True):
        assert count.tolist() == sum(parts).tolist()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_no_users_or_no_candidates_are_no_problem(dtype):
    assert average_ranks(torch.empty(0, 4, dtype=dtype), torch.empty(0, dtype=torch.int64)).tolist() == []
    nothing = torch.empty(2, 0, dtype=dtype)
    better, ties = rank_among(torch.zeros(2, dtype=dtype), nothing, nothing.bool())
    assert (better.tolist(), ties.tolist()) == ([0, 0], [0, 0])


@pytest.mark.parametrize("bad, place", [("nan", 0), ("nan", 1), ("inf", 0), ("-inf", 0)])
def test_scores_that_are_no_numbers_are_refused_instead_of_ranked_first(bad, place):
    scores = torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    scores[1, place] = float(bad)
    with pytest.raises(B4RError, match=r"scores of 1 of 2 users are not finite.*has diverged") as caught:
        average_ranks(scores, torch.tensor([0, 0]))
    assert caught.value.code is ExitCode.RUN_FAILED
