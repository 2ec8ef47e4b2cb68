"""Initial biases of the output layer: those that the loss requires, in every mode."""

import math

import pytest
import torch

from engine.distributed.parallel_model import build_parallel
from engine.distributed.process_group import process_group
from engine.model.losses.gbce import calibrated_beta
from tests.builders import experiment_of

ITEMS = 40


def biases(mode, tied, training):
    """Of a model that is gone before its group is left."""
    experiment = experiment_of(model={"tie_output": tied}, training=training, launch={"mode": mode})
    with process_group(0) as group:
        whole = build_parallel(experiment, ITEMS, group).full_state()
    return whole["output_bias"]


@pytest.mark.parametrize("mode", ["ddp", "dmp"])
@pytest.mark.parametrize("tied", [False, True])
def test_gbce_begins_where_no_item_is_pulled_or_pushed_and_sampled_at_zero(mode, tied):
    prior = math.log(calibrated_beta(10, ITEMS, 0.75) / 10)
    found = biases(mode, tied, {"loss": "gbce", "num_negatives": 10})
    assert torch.allclose(found, torch.full((ITEMS,), prior))
    assert not biases(mode, tied, {"loss": "sampled", "num_negatives": 10}).any()
