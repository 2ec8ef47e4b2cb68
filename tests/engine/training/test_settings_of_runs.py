"""Losses, warm-up, clipping and precision in whole runs: two ranks learn what one process does."""

import pytest

from engine.events import Epoch, RunStarted, Warn
from engine.training.checkpoint import read_checkpoint
from tests.builders import experiment_of
from tests.engine.training.test_runs import events_of

pytestmark = pytest.mark.torchrun

SETTINGS = {
    "sampled": {
        "loss": "sampled",
        "num_negatives": 20,
        "negatives": "popularity",
        "grad_clip": 0.5,
        "lr": 0.01,
    },
    "gbce": {"loss": "gbce", "num_negatives": 20, "warmup_steps": 3, "gamma": 0.5, "decay_step": 1},
}


def experiment(training, **groups):
    return experiment_of(model={"dropout": 0.0}, training=training, **groups)


@pytest.mark.parametrize("name", SETTINGS)
def test_two_ddp_ranks_learn_what_one_process_learns_with(name, train):
    settings = SETTINGS[name] | {"train_batch_size": 12}
    one = train(experiment(settings), 0)
    two = train(experiment(settings | {"train_batch_size": 6}, launch={"j": "1x2"}), 2)
    losses = [event.train_loss for event in events_of(one, Epoch)]
    assert losses[1] < losses[0]
    assert [event.train_loss for event in events_of(two, Epoch)] == pytest.approx(losses, abs=1e-5)
    assert [event.lr for event in events_of(two, Epoch)] == [event.lr for event in events_of(one, Epoch)]
    ours, theirs = (read_checkpoint(run / "checkpoints" / "epoch_1_model.pth").weights for run in (two, one))
    for weight, tensor in theirs.items():
        assert (ours[weight] - tensor).abs().max() < 1e-3, weight


def test_dmp_learns_by_a_sampled_loss_and_says_that_its_table_is_not_clipped(train):
    settings = SETTINGS["sampled"] | {"precision": "auto"}
    run_dir = train(experiment(settings, launch={"mode": "dmp", "j": "1x2", "sharding": "row_wise"}), 2)
    losses = [event.train_loss for event in events_of(run_dir, Epoch)]
    assert losses[1] < losses[0]
    assert "table_not_clipped" in [event.code for event in events_of(run_dir, Warn)]
    (started,) = events_of(run_dir, RunStarted)
    assert started.precision in ("fp32", "bf16")
