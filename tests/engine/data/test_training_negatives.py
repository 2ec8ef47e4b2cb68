"""Shared negatives: from (seed, epoch, step) alone, drawn as often as their log counts state."""

import numpy as np
import pytest

from engine.contract.errors import B4RError
from engine.data.loader import TrainLoader
from engine.data.training_negatives import SharedNegatives, negative_count
from tests.builders import dataset_of, experiment_of

DATASET = dataset_of([[0, 1, 2, 3, 4], [0, 0, 0, 5, 6], [0, 1, 1, 7, 3]], num_items=9)  # nobody has item 8


def training(**settings):
    return experiment_of(training={"loss": "sampled", **settings}).training


def test_ranks_get_the_same_negatives_and_steps_and_epochs_others():
    config = training(num_negatives=7, train_batch_size=1, dupe_factor=3)
    one, two = (TrainLoader(DATASET, 5, config, rank, 2) for rank in (0, 1))
    drawn = [batch.negatives.tolist() for epoch in (0, 1) for batch in one.epoch(epoch)]
    assert drawn == [batch.negatives.tolist() for epoch in (0, 1) for batch in two.epoch(epoch)]
    assert len({tuple(negatives) for negatives in drawn}) == len(drawn) > 2
    whole = TrainLoader(DATASET, 5, training(num_negatives=7, train_batch_size=2, dupe_factor=3))
    assert [batch.negatives.tolist() for epoch in (0, 1) for batch in whole.epoch(epoch)] == drawn


@pytest.mark.parametrize(
    ("how", "shares"),
    [("uniform", [1 / 9] * 9), ("popularity", (DATASET.popularity + 1) / (DATASET.popularity + 1).sum())],
)
def test_items_are_drawn_as_often_as_their_log_counts_say(how, shares):
    source = SharedNegatives(DATASET, training(num_negatives=8, negatives=how))
    items, logs = (
        np.concatenate(parts) for parts in zip(*(source.draw(0, s) for s in range(4000)), strict=True)
    )
    assert np.bincount(items, minlength=9) / len(items) == pytest.approx(np.asarray(shares), abs=0.01)
    assert np.exp(logs) == pytest.approx(8 * np.asarray(shares)[items], rel=1e-5)


def test_the_full_loss_draws_none_and_the_default_is_fewer_than_the_items():
    assert negative_count(experiment_of().training, 1000) == 0
    assert negative_count(training(), 1000) == 256
    assert negative_count(training(), 40) == 39


def test_as_many_negatives_as_items_are_refused_with_the_number_that_is_possible():
    assert negative_count(training(num_negatives=39), 40) == 39
    with pytest.raises(B4RError, match=r"training.num_negatives: 40 negatives of 40 items.*at most 39"):
        negative_count(training(num_negatives=40), 40)
