"""Small steps run on one thread, others and everything but steps on all."""

import pytest
import torch

from engine.training.step_threads import operations, threads_for_steps
from tests.builders import experiment_of


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize(("batch", "threads"), [(8, 1), (16, 1), (64, 3)])
def test_only_steps_with_much_in_them_are_shared(batch, threads):
    sizes = {"max_len": 16, "emb_dim": 128, "num_layers": 2, "nhead": 2}
    experiment = experiment_of(model=sizes, training={"train_batch_size": batch})
    with threads_for_steps(experiment, num_items=3416):
        assert torch.get_num_threads() == threads
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_threads_are_back_after_an_error():
    with pytest.raises(RuntimeError), threads_for_steps(experiment_of(), num_items=10):
        raise RuntimeError
    assert torch.get_num_threads() == 3


def test_a_sampled_loss_scores_its_negatives_only():
    full, sampled = (experiment_of(training={"loss": loss}) for loss in ("full", "sampled"))
    assert operations(full, 100) < operations(full, 100_000)
    assert operations(sampled, 10_000) == operations(sampled, 100_000) < operations(full, 10_000)
