"""The first step whose loss is no number is named, wherever in an epoch it is."""

import pytest
import torch

from engine.distributed.group import Group
from engine.errors import B4RError, ExitCode
from engine.training.loss_watch import CHECK_STEPS, LossWatch
from tests.builders import experiment_of

ALONE = Group(0, 0, 1, torch.device("cpu"))
STEPS = 2 * CHECK_STEPS + 3


def watched(bad, values=(float("nan"),), **training):
    watch = LossWatch(experiment_of(training=training).training, ALONE, 2, STEPS)
    for step in range(STEPS):
        value = values[(step - bad) % len(values)] if step >= bad else 1.0
        watch.add(step, torch.tensor(value, dtype=torch.float64))


@pytest.mark.parametrize("bad", [0, 7, CHECK_STEPS - 1, CHECK_STEPS, STEPS - 1])
@pytest.mark.parametrize("values", [(float("nan"),), (float("inf"), 1.0)])
def test_the_first_bad_step_is_named_with_its_learning_rate(bad, values):
    with pytest.raises(B4RError, match=rf"epoch 2, step {bad} of {STEPS} .*learning rate 0.025;") as caught:
        watched(bad, values, lr=0.1, gamma=0.5, decay_step=1)
    assert caught.value.code == ExitCode.RUN_FAILED


def test_finite_losses_pass():
    watched(STEPS)
