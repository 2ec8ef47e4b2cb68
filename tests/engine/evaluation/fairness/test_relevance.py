"""Which held-out items count as relevant, and that ratings match their interactions."""

import numpy as np
import pytest

from engine.contract.config.data import DataConfig
from engine.contract.errors import B4RError
from engine.data.load import load_dataset, load_ratings
from engine.evaluation.fairness.rankings import Rankings
from engine.evaluation.fairness.relevance import relevant_targets

NONE = np.nan


def rankings(targets):
    n = len(targets)
    return Rankings(np.arange(n), np.zeros((n, 1), np.int32), np.zeros((n, 1)), np.array(targets, np.int32))


def test_items_rated_above_the_limit_or_not_rated_are_relevant():
    found = relevant_targets(rankings([2, 0, 1]), np.array([4.0, 3.0, NONE]), 3, 4)
    assert found.matrix.toarray().tolist() == [[0, 0, 1, 0], [0, 0, 0, 0], [0, 1, 0, 0]]
    assert found.users == 2
    assert "above 3; 1 without a rating count as relevant" in found.rule


def test_without_ratings_every_held_out_item_is_relevant_and_the_result_says_so():
    found = relevant_targets(rankings([2, 0]), np.array([NONE, NONE]), 3, 4)
    assert found.users == 2 and "no ratings" in found.rule


def test_nothing_relevant_is_an_error():
    with pytest.raises(B4RError, match="no held-out item is rated above 5; lower --relevant-rating"):
        relevant_targets(rankings([1]), np.array([5.0]), 5, 4)


def test_ratings_are_in_the_order_of_interactions(tmp_path):
    """Rows out of order, with a dropped one: ratings are 10 x user + item, so that each tells where it belongs."""
    rows = [(u, i) for i in (3, 1, 2, 4) for u in (2, 1)]
    lines = [f"{u},{i},{10 * u + i},{-i}" for u, i in rows] + ["3,1,0,0"]
    path = tmp_path / "own.csv"
    path.write_text("user,item,rating,timestamp\n" + "\n".join(lines) + "\n")
    config = DataConfig(dataset_name="csv", dataset_path=str(path), min_user_count=2)
    dataset, ratings = load_dataset(config, tmp_path / "cache"), load_ratings(config)
    users = np.repeat(dataset.user_ids.astype(int), dataset.lengths)
    assert (ratings == 10 * users + dataset.item_ids[dataset.items].astype(int)).all()
    assert len(ratings) == 8
