"""Small steps run on one thread; larger steps, and everything else, on all."""

import logging

import pytest
import torch

from engine.training.step_threads import step_flops, threads_for_steps, torch_threads
from tests.builders import experiment_of


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize(("batch", "threads"), [(8, 1), (16, 1), (64, 3)])
def test_only_large_steps_use_several_threads(batch, threads, caplog):
    sizes = {"max_len": 16, "emb_dim": 128, "num_layers": 2, "nhead": 2}
    experiment = experiment_of(model=sizes, training={"train_batch_size": batch})
    caplog.set_level(logging.INFO)
    assert threads_for_steps(experiment, num_items=3416) == threads
    assert caplog.messages == (
        ["using 1 of 3 threads: batch too small to parallelise"] if threads == 1 else []
    )


@pytest.mark.usefixtures("three_threads")
def test_the_number_of_threads_is_restored_after_an_error():
    with pytest.raises(RuntimeError), torch_threads(1):
        assert torch.get_num_threads() == 1
        raise RuntimeError
    assert torch.get_num_threads() == 3


def test_a_sampled_loss_scores_its_negatives_only():
    full, sampled = (experiment_of(training={"loss": loss}) for loss in ("full", "sampled"))
    assert step_flops(full, 100) < step_flops(full, 100_000)
    assert step_flops(sampled, 10_000) == step_flops(sampled, 100_000) < step_flops(full, 10_000)
