"""Negatives: unseen, distinct, as many as possible, drawn by the stated weights, equal in any batch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.config.data import DataConfig
from engine.data import evaluation_negatives
from engine.data.evaluation_negatives import sample_negatives, users_short_of
from engine.data.load import load_dataset
from tests.builders import dataset_of

ITEMS = 12
weights_of = st.sampled_from(["popular", "uniform"])
histories = st.lists(st.lists(st.integers(0, ITEMS - 1), min_size=1, max_size=15), min_size=1, max_size=6)


def candidates_of(dataset, user, weights):
    """Items that the user may get, by the definition."""
    seen = set(dataset.items[dataset.offsets[user] : dataset.offsets[user + 1]].tolist())
    drawable = range(ITEMS) if weights == "uniform" else np.flatnonzero(dataset.popularity).tolist()
    return set(drawable) - seen


@given(histories, st.integers(1, 20), weights_of, st.integers(0, 2**62))
def test_negatives_are_unseen_distinct_and_as_many_as_can_be(rows, count, weights, seed):
    dataset = dataset_of(rows, ITEMS)
    users = np.arange(len(rows))
    drawn = sample_negatives(dataset, users, count, weights, seed)
    assert drawn.shape == (len(rows), count) and drawn.dtype == np.int32
    short = 0
    for user, row in zip(users, drawn.tolist(), strict=True):
        candidates = candidates_of(dataset, user, weights)
        number = min(count, len(candidates))
        assert row[number:] == [-1] * (count - number)
        assert len(set(row[:number])) == number and set(row[:number]) <= candidates
        short += number < count
    assert users_short_of(dataset, users, count, weights) == short


@given(histories, st.integers(1, 20), weights_of, st.data())
def test_a_user_gets_the_same_negatives_in_any_batch(rows, count, weights, data):
    dataset = dataset_of(rows, ITEMS)
    whole = sample_negatives(dataset, np.arange(len(rows)), count, weights, 3)
    some = np.array(data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=6)), dtype=np.int64)
    assert np.array_equal(sample_negatives(dataset, some, count, weights, 3), whole[some])


def large(users=300, items=400, length=20, seed=0):
    generator = np.random.default_rng(seed)
    skewed = (items * generator.random((users, length)) ** 3).astype(int)
    return dataset_of(skewed.tolist(), items)


@pytest.mark.parametrize("weights", ["popular", "uniform"])
def test_chunks_of_any_size_give_the_same(weights, monkeypatch):
    dataset = large()
    whole = sample_negatives(dataset, dataset.evaluated_users("test"), 50, weights, 3)
    monkeypatch.setattr(evaluation_negatives, "_CHUNK_CELLS", 1000)
    assert np.array_equal(sample_negatives(dataset, dataset.evaluated_users("test"), 50, weights, 3), whole)


def test_fewer_negatives_are_the_first_of_more():
    dataset = large()
    few, many = (
        sample_negatives(dataset, dataset.evaluated_users("test"), n, "popular", 3) for n in (10, 40)
    )
    assert np.array_equal(few, many[:, :10])


def test_the_seed_and_the_weights_change_the_draw():
    dataset = large()
    draws = [
        sample_negatives(dataset, dataset.evaluated_users("test"), 20, weights, seed)
        for weights, seed in (("popular", 0), ("popular", 1), ("uniform", 0))
    ]
    assert not np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


def successive_inclusion(weights, count):
    """Chance of each item to be among `count` draws without replacement, by enumeration."""
    chances = np.zeros(len(weights))

    def go(left, chance, steps):
        if not steps or not left:
            return
        total = sum(weights[item] for item in left)
        for item in left:
            branch = chance * weights[item] / total
            chances[item] += branch
            go(left - {item}, branch, steps - 1)

    go(frozenset(range(len(weights))), 1.0, count)
    return chances


@pytest.mark.parametrize(
    "rounds", [(2, 8), (1,), (0.5,), ()], ids=["draws", "few draws", "fewer draws", "keys"]
)
def test_popular_negatives_are_drawn_in_proportion_to_training_counts(rounds, monkeypatch):
    """Draws, keys and draws carried on by keys all follow the same law."""
    monkeypatch.setattr(evaluation_negatives, "_ROUNDS", rounds)
    counts = [8, 4, 2, 1, 1]
    bulk = [item for item, count in enumerate(counts) for _ in range(count)]
    people = 6000
    rows = [[*bulk, 5, 5], *([[5, 5, 5]] * people)]
    dataset = dataset_of(rows, 6)
    drawn = sample_negatives(dataset, np.arange(1, people + 1), 2, "popular", 1)
    shares = np.bincount(drawn.ravel(), minlength=5) / people
    assert np.abs(shares - successive_inclusion(counts, 2)).max() < 0.025


def test_uniform_negatives_are_uniform_and_include_items_without_training_rows():
    dataset = dataset_of([[5, 5, 5]] * 4000, 6)
    drawn = sample_negatives(dataset, np.arange(4000), 2, "uniform", 1)
    assert np.abs(np.bincount(drawn.ravel(), minlength=6)[:5] / 4000 - 0.4).max() < 0.03
    assert (sample_negatives(dataset, np.arange(5), 2, "popular", 1) == -1).all()


@pytest.mark.data
def test_movielens_negatives_are_complete_in_the_real_skew(data_dir):

    dataset = load_dataset(DataConfig(dataset_name="ml-100k", dataset_path=str(data_dir / "ml-100k")))
    drawn = sample_negatives(dataset, dataset.evaluated_users("test"), 100, "popular", 0)
    assert (drawn >= 0).all()
    assert users_short_of(dataset, dataset.evaluated_users("test"), 100, "popular") == 0
    assert users_short_of(dataset, dataset.evaluated_users("test"), 1000, "popular") > 0
