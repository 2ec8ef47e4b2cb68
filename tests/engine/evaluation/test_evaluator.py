"""The evaluator against ranking each user in plain Python, in any batch, order and share of users."""

from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.errors import B4RError
from engine.contract.ranks.metrics import means
from engine.contract.ranks.user_ranks import concatenate
from engine.data.evaluation_negatives import sample_negatives
from engine.evaluation.baselines import popularity_scorer
from engine.evaluation.evaluator import Evaluator, block_size
from engine.evaluation.protocols import EvaluationProtocol, parse_protocol
from tests.builders import dataset_of
from tests.engine.evaluation.table_scores import TableScores

ITEMS = 9
PROTOCOLS = ["full", "popular-4", "uniform-20"]
histories = st.lists(st.lists(st.integers(0, ITEMS - 1), min_size=3, max_size=12), min_size=1, max_size=8)


def scorer_of(scores):
    """A scorer from a function of users that gives whole tables."""
    return lambda users: TableScores(scores(users))


def scores_of(users):
    """Scores with many ties, a function of the user alone."""
    return (
        torch.tensor([[(3 * int(user) + 5 * item) % 4 for item in range(ITEMS)] for user in users])
        .float()
        .reshape(-1, ITEMS)
    )


def blocks_of(items):
    return mock.patch("engine.evaluation.evaluator.block_size", return_value=items)


def rank_by_hand(scores, target, others):
    better = sum(scores[item] > scores[target] for item in others)
    ties = sum(scores[item] == scores[target] for item in others)
    return better + 1 + ties / 2, ties, len(others) + 1


def others_by_hand(dataset, user, phase, protocol):
    """The items that the target is ranked among, itself left out."""
    target = int(dataset.targets(np.array([user]), phase)[0])
    if protocol != "full":
        weights, count = protocol.split("-")
        drawn = sample_negatives(dataset, np.array([user]), int(count), weights, 7)[0]
        return target, [int(item) for item in drawn if item >= 0]
    row = dataset.items[dataset.offsets[user] : dataset.offsets[user + 1]].tolist()
    history = row[:-2] if phase == "validate" else row[:-1]
    return target, [item for item in range(ITEMS) if item not in history and item != target]


@given(histories, st.sampled_from(["validate", "test"]), st.integers(1, 5), st.integers(1, 10))
def test_ranks_equal_those_computed_by_hand(rows, phase, batch_size, block):
    dataset = dataset_of(rows, ITEMS)
    users = dataset.evaluated_users("test")
    with blocks_of(block):
        ranks = Evaluator(dataset, PROTOCOLS, 7).rank(phase, scorer_of(scores_of), users, batch_size)
    assert list(ranks) == PROTOCOLS
    for protocol, found in ranks.items():
        assert found.users.tolist() == users.tolist()
        for place, user in enumerate(users):
            target, others = others_by_hand(dataset, user, phase, protocol)
            expected = rank_by_hand(scores_of([user])[0].tolist(), target, others)
            assert (found.ranks[place], found.ties[place], found.candidates[place]) == expected


def large():
    generator = np.random.default_rng(0)
    return dataset_of(generator.integers(0, 300, (101, 12)).tolist(), 300)


@scorer_of
def random_scorer(users):
    """Scores that depend on the user, not on the batch."""
    return (
        torch.stack([torch.rand(300, generator=torch.Generator().manual_seed(int(user))) for user in users])
        if len(users)
        else torch.empty(0, 300)
    )


def cut_in_time():
    """Another share of the users has something to find in each phase, the second history longer by far."""
    generator = np.random.default_rng(0)
    starts = [sorted(generator.integers(0, 13, 2).tolist()) for _ in range(101)]
    return dataset_of(generator.integers(0, 300, (101, 12)).tolist(), 300, starts)


@pytest.mark.parametrize("make", [large, cut_in_time])
@pytest.mark.parametrize("phase", ["validate", "test"])
@pytest.mark.parametrize("world_size", [1, 2, 4])
@pytest.mark.parametrize("batch_size", [1, 16, 500])
def test_metrics_are_equal_for_any_batch_size_world_size_and_order(make, phase, world_size, batch_size):
    dataset = make()
    users = dataset.evaluated_users(phase)
    protocols = ["full", "popular-50"]
    expected = Evaluator(dataset, protocols, 3).rank(phase, random_scorer, users, 101)
    shuffled = np.random.default_rng(1).permutation(users)
    shares = [
        Evaluator(dataset, protocols, 3).rank(phase, random_scorer, shuffled[rank::world_size], batch_size)
        for rank in range(world_size)
    ]
    for protocol in protocols:
        together = concatenate([share[protocol] for share in shares]).in_user_order()
        assert together.users.tolist() == users.tolist()
        assert means(together, [1, 10]) == means(expected[protocol], [1, 10])


def test_the_phases_of_a_temporal_split_have_users_of_their_own():
    validated, tested = (set(cut_in_time().evaluated_users(phase).tolist()) for phase in ("validate", "test"))
    assert validated - tested and tested - validated and validated & tested


def test_blocks_are_as_large_as_the_memory_allows_and_even():
    assert block_size(users=128, num_items=54_542, block_mb=128) == 54_542
    assert block_size(users=128, num_items=1_000_000, block_mb=128) == 62_500
    assert block_size(users=1, num_items=10, block_mb=1) == 10
    assert block_size(users=10**9, num_items=10, block_mb=1) == 1
    assert block_size(users=0, num_items=7, block_mb=1) == 7


class WatchedScores(TableScores):
    """Notes the shape of every block asked for."""

    shapes: list[tuple[int, ...]] = []  # noqa: RUF012

    def block(self, first, last):
        found = super().block(first, last)
        self.shapes.append(tuple(found.shape))
        return found


def test_memory_is_bounded_and_one_block_is_scored_once():
    dataset, users = dataset_of([[u, u + 1, u + 2] for u in range(64)], 20_000), np.arange(64)
    for block_mb, most in ((1, 1024), (32, 20_000)):
        WatchedScores.shapes.clear()
        Evaluator(dataset, ["full"], 0, block_mb).rank(
            "test", lambda asked: WatchedScores(torch.rand(len(asked), 20_000)), users, 64
        )
        assert max(width for _, width in WatchedScores.shapes) <= most
        assert len(WatchedScores.shapes) == (
            1 if most == 20_000 else 20 + 1
        )  # targets lie in the first block


def test_extra_batches_call_the_scorer_without_users():
    dataset = large()
    sizes, told = [], []

    def scorer(users):
        sizes.append(len(users))
        return random_scorer(users)

    users = dataset.evaluated_users("test")[:5]
    ranks = Evaluator(dataset, ["full", "uniform-5"], 0).rank(
        "validate", scorer, users, 2, batches=5, on_batch=lambda done, total: told.append((done, total))
    )
    assert sizes == [2, 2, 1, 0, 0]
    assert told == [(number, 5) for number in range(1, 6)]
    assert [len(found) for found in ranks.values()] == [5, 5]


def test_a_rank_without_users_still_takes_part():
    dataset = large()
    ranks = Evaluator(dataset, ["full", "uniform-5"], 0).rank(
        "test", random_scorer, dataset.evaluated_users("test")[:0], 4, batches=2
    )
    assert [len(found) for found in ranks.values()] == [0, 0]


def test_too_few_batches_and_scores_of_a_wrong_shape_are_faults_of_the_caller():
    dataset = large()
    evaluator = Evaluator(dataset, ["full"], 0)
    with pytest.raises(ValueError, match="101 users in batches of 10 need 11 batches, not 10"):
        evaluator.rank("test", random_scorer, dataset.evaluated_users("test"), 10, batches=10)
    with pytest.raises(ValueError, match=r"the scorer returned \(101, 299\), not \(101, 300\)"):
        evaluator.rank(
            "test",
            lambda users: TableScores(torch.zeros(len(users), 299)),
            dataset.evaluated_users("test"),
            101,
        )


def test_a_diverged_model_is_refused():
    dataset = large()
    with pytest.raises(B4RError, match="has diverged"):
        Evaluator(dataset, ["full"], 0).rank(
            "test",
            scorer_of(lambda users: torch.full((len(users), 300), torch.nan)),
            dataset.evaluated_users("test"),
            50,
        )


def test_negatives_are_drawn_once_for_the_same_users(monkeypatch):
    dataset, calls = large(), []

    def counted(*arguments):
        calls.append(arguments)
        return sample_negatives(*arguments)

    monkeypatch.setattr("engine.evaluation.evaluator.sample_negatives", counted)
    evaluator = Evaluator(dataset, ["full", "popular-5"], 0)
    for phase in ("validate", "validate", "test"):
        evaluator.rank(phase, random_scorer, dataset.evaluated_users("test"), 50)
    assert len(calls) == 1
    evaluator.rank("test", random_scorer, dataset.evaluated_users("test")[:9], 50)
    assert len(calls) == 2


def test_users_with_too_few_candidates_are_counted():
    dataset = dataset_of([[0, 1, 2], [3, 4, 5, 6], [0, 1]], 8)
    assert Evaluator(dataset, ["full", "uniform-4", "uniform-5", "popular-4"], 0).short_users == {
        "uniform-5": 1,
        "popular-4": 2,
    }


def test_popularity_ranks_by_training_counts_only():
    dataset = dataset_of([[0, 1, 5, 5], [0, 2, 5, 1], [0, 3, 1, 5]], 6)
    scores = popularity_scorer(dataset)(np.array([0, 2]))
    block = scores.block(0, 6)
    assert block.tolist() == [[3, 1, 1, 1, 0, 0]] * 2
    block[0, 0] = -1
    assert scores.block(0, 3).tolist() == [[3, 1, 1]] * 2
    assert scores.of(np.array([[5, 0], [1, 1]])).tolist() == [[0, 3], [1, 1]]


def test_protocol_names_are_read():
    assert parse_protocol("full") == EvaluationProtocol("full")
    assert parse_protocol("popular-100") == EvaluationProtocol("popular-100", "popular", 100)
    assert parse_protocol("uniform-7") == EvaluationProtocol("uniform-7", "uniform", 7)


@pytest.mark.parametrize("name", ["", "Full", "popular", "popular-0", "popular--1", "random-100", "full-10"])
def test_other_names_are_refused(name):
    with pytest.raises(B4RError, match=f"'{name}' is not a valid protocol; use full, popular-N or uniform-N"):
        parse_protocol(name)
