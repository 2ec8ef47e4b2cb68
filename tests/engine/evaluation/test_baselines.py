"""Baselines against counting by hand, in any block; random against shuffling."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.ranks.metrics import means
from engine.evaluation.baselines import markov_scorer, popularity_scorer, random_ranks
from engine.evaluation.evaluator import Evaluator
from tests.builders import dataset_of
from tests.engine.evaluation.table_scores import TableScores
from tests.engine.evaluation.test_evaluator import blocks_of

ITEMS = 6
histories = st.lists(st.lists(st.integers(0, ITEMS - 1), min_size=1, max_size=9), min_size=1, max_size=6)


def markov_by_hand(rows, user, phase):
    """(times it followed the last known item, popularity) of each item."""
    trainings = [row[:-2] if len(row) > 2 else row for row in rows]
    popularity = Counter(item for row in trainings for item in row)
    followed = Counter(pair for row in trainings for pair in pairwise(row))
    known = rows[user][:-2] if phase == "validate" else rows[user][:-1]
    return [(followed[known[-1], item], popularity[item]) for item in range(ITEMS)]


def order_of(values):
    """Place of each value among the distinct ones."""
    distinct = sorted(set(values))
    return [distinct.index(value) for value in values]


@given(histories, st.sampled_from(["validate", "test"]), st.integers(0, ITEMS), st.integers(0, ITEMS))
def test_markov_orders_items_by_transitions_then_popularity(rows, phase, one, other):
    dataset = dataset_of(rows, ITEMS)
    users = dataset.evaluated_users("test")
    scores = markov_scorer(dataset, phase)(users)
    whole = scores.block(0, ITEMS)
    for place, user in enumerate(users):
        assert order_of(whole[place].tolist()) == order_of(markov_by_hand(rows, user, phase))
    first, last = sorted((one, other))
    assert scores.block(first, last).tolist() == whole[:, first:last].tolist()
    items = np.tile(np.arange(ITEMS)[::-1], (len(users), 1)).copy()
    assert scores.of(items).tolist() == whole.flip(1).tolist()


def test_markov_finds_a_planted_chain_that_popularity_does_not():
    rows = [[(start + step) % 20 for step in range(8)] for start in range(20)] * 3
    dataset, users = dataset_of(rows, 20), np.arange(60)
    evaluator = Evaluator(dataset, ["full", "uniform-5"], 0)
    with blocks_of(6):
        chain = evaluator.rank("test", markov_scorer(dataset, "test"), users, 16)
    flat = evaluator.rank("test", popularity_scorer(dataset), users, 16)
    for protocol in chain:
        assert means(chain[protocol], [1])["recall@1"] == 1.0
        assert means(flat[protocol], [1])["recall@1"] < 0.5


def test_random_is_the_mean_over_random_scores():
    dataset = dataset_of(np.random.default_rng(0).integers(0, 40, (50, 9)).tolist(), 40)
    users, generator = dataset.evaluated_users("test"), torch.Generator().manual_seed(0)
    evaluator = Evaluator(dataset, ["full", "uniform-10"], 0)

    def shuffled(asked):
        return TableScores(torch.rand(len(asked), 40, generator=generator))

    many = [evaluator.rank("test", shuffled, users, 50) for _ in range(60)]
    for protocol, ranks in random_ranks(many[0]).items():
        drawn = np.mean([means(found[protocol], [10])["ndcg@10"] for found in many])
        assert means(ranks, [10])["ndcg@10"] == pytest.approx(drawn, abs=0.01)
