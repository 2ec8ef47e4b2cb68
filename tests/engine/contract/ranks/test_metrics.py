"""Metrics against all ways to break ties, and against ranx without ties."""

import math
import warnings
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.config.evaluation import METRIC_NAMES
from engine.contract.ranks.metrics import means, per_user
from engine.contract.ranks.user_ranks import UserRanks, concatenate, no_ranks
from engine.evaluation.ranks import rank_of_target

CUTOFFS = [1, 2, 3, 5, 10]


def user_ranks(scores, targets):
    better, ties = rank_of_target(torch.tensor(scores), torch.tensor(targets))
    n, items = np.shape(scores)
    ranks = better.double() + 1 + ties.double() / 2
    return UserRanks(np.arange(n), ranks.numpy(), ties.numpy(), np.full(n, items))


def metrics_at(place):
    """All metrics of an item at a place, by their definitions."""
    values = {"mrr": 1 / place}
    for k in CUTOFFS:
        hit = place <= k
        values |= {f"recall@{k}": hit, f"precision@{k}": hit / k}
        values[f"map@{k}"] = values[f"mrr@{k}"] = 1 / place if hit else 0.0
        values[f"ndcg@{k}"] = 1 / math.log2(1 + place) if hit else 0.0
    return values


def mean_over_all_tie_breaks(scores, target):
    totals = dict.fromkeys(metrics_at(1), 0.0)
    shuffles = list(permutations(range(len(scores))))
    for shuffle in shuffles:
        place = sorted(shuffle, key=lambda item: -scores[item]).index(target) + 1
        for name, value in metrics_at(place).items():
            totals[name] += value / len(shuffles)
    return totals


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=1, max_size=6), st.data())
def test_a_metric_is_its_mean_over_all_ways_to_break_ties(scores, data):
    target = data.draw(st.integers(0, len(scores) - 1))
    values = per_user(user_ranks([scores], [target]), CUTOFFS)
    expected = mean_over_all_tie_breaks(scores, target)
    assert values.keys() == expected.keys()
    for name, value in expected.items():
        assert values[name].dtype == np.float64
        assert values[name][0] == pytest.approx(value, abs=1e-12), name


@pytest.mark.parametrize("items", [1, 7, 1000])
def test_constant_scores_give_what_a_random_ranking_gives(items):
    values = means(user_ranks(np.zeros((3, items)).tolist(), [0, items // 2, items - 1]), [10])
    places = [metrics_at(place) for place in range(1, items + 1)]
    for name, value in values.items():
        assert value == pytest.approx(sum(place[name] for place in places) / items, abs=1e-12)


@pytest.fixture
def ranx(monkeypatch):
    """ranx without compilation: its loops are short here, and compiling them takes minutes."""
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("ranx")


def test_metrics_equal_those_of_ranx(ranx):
    generator = np.random.default_rng(0)
    users, items = 200, 150
    scores = generator.permuted(np.tile(np.arange(items, dtype=float), (users, 1)), axis=1)
    targets = generator.integers(0, items, users)
    cutoffs = [1, 5, 10, 20, 50, 100]
    qrels = ranx.Qrels({f"u{user}": {f"i{item}": 1} for user, item in enumerate(targets)})
    run = ranx.Run({f"u{u}": {f"i{i}": score for i, score in enumerate(row)} for u, row in enumerate(scores)})
    names = [f"{metric}@{k}" for metric in METRIC_NAMES for k in cutoffs] + ["mrr"]
    expected = ranx.evaluate(qrels, run, names)
    found = means(user_ranks(scores.tolist(), targets.tolist()), cutoffs)
    assert found.keys() == expected.keys()
    for name in names:
        assert found[name] == pytest.approx(float(expected[name]), abs=1e-9), name


def test_no_users_have_no_mean():
    assert all(math.isnan(value) for value in means(no_ranks(), CUTOFFS).values())


def test_parts_in_any_order_give_exactly_the_same_means():
    generator = np.random.default_rng(1)
    users = generator.permutation(500)
    rows = UserRanks(users, generator.integers(1, 99, 500) / 1.0, np.zeros(500, int), np.full(500, 99))
    parts = [
        UserRanks(*(getattr(rows, f)[i::3] for f in ("users", "ranks", "ties", "candidates")))
        for i in range(3)
    ]
    together = concatenate(parts[::-1]).in_user_order()
    assert together.users.tolist() == list(range(500))
    assert means(together, CUTOFFS) == means(rows.in_user_order(), CUTOFFS)
