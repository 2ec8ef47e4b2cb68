"""Losses, warm-up, clipping and precision in real runs: two ranks learn what one process does."""

import pytest

from engine.contract.events import Epoch, RunStarted, Test, Warn
from engine.runtime.checkpoints.epoch_files import read_checkpoint
from tests.builders import experiment_of, write_run_config
from tests.engine.conftest import run_module
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


@pytest.mark.parametrize(("loss", "mode"), [("full", "ddp"), ("gbce", "ddp"), ("full", "dmp")])
def test_bf16_learns_about_what_fp32_does(loss, mode, train):
    settings = {"loss": loss, "num_negatives": 20} if loss == "gbce" else {}
    half, whole = (
        train(experiment_of(training=settings | {"precision": precision}, launch={"mode": mode}), 0)
        for precision in ("bf16", "fp32")
    )
    found, expected = ([event.train_loss for event in events_of(run, Epoch)] for run in (half, whole))
    assert found == pytest.approx(expected, rel=0.02)


def test_dmp_learns_by_a_sampled_loss_and_warns_that_its_table_is_not_clipped(train):
    settings = SETTINGS["sampled"] | {"precision": "auto"}
    run_dir = train(experiment(settings, launch={"mode": "dmp", "j": "1x2", "sharding": "row_wise"}), 2)
    losses = [event.train_loss for event in events_of(run_dir, Epoch)]
    assert losses[1] < losses[0]
    assert "table_not_clipped" in [event.code for event in events_of(run_dir, Warn)]
    (started,) = events_of(run_dir, RunStarted)
    assert started.precision in ("fp32", "bf16")


def test_a_tied_output_learns_in_dmp_and_evaluates_equally_on_one_process(train, tmp_path):
    experiment_in = {"model": {"dropout": 0.0, "tie_output": True}, "training": SETTINGS["sampled"]}
    launch = {"mode": "dmp", "j": "1x2", "sharding": "row_wise"}
    run_dir = train(experiment_of(**experiment_in, launch=launch), 2)
    losses = [event.train_loss for event in events_of(run_dir, Epoch)]
    assert losses[1] < losses[0]
    weights = read_checkpoint(run_dir / "checkpoints" / "epoch_1_model.pth").weights
    assert "output" not in weights
    pth = {"pth": str(run_dir / "checkpoints" / "epoch_1_model.pth")}
    write_run_config(tmp_path, experiment_of(**experiment_in, evaluation=pth))
    done = run_module("engine.programs.evaluate", [str(tmp_path)], 0)
    assert done.returncode == 0, done.stderr
    (alone,) = events_of(tmp_path, Test)
    (together,) = (test for test in events_of(run_dir, Test) if test.checkpoint_epoch == 1)
    for name, found in together.metrics["full"].items():
        assert alone.metrics["full"][name]["value"] == pytest.approx(found["value"], abs=1e-6), name
