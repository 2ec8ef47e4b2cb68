"""The learning rate of every step, against PyTorch's own schedulers."""

import pytest
import torch

from engine.training.lr_schedule import lr_at
from tests.builders import experiment_of


@pytest.mark.parametrize("warmup_steps", [0, 1, 7, 12])
def test_warm_up_and_decay_equal_pytorchs_schedulers(warmup_steps):
    config = experiment_of(training={"gamma": 0.5, "decay_step": 2, "warmup_steps": warmup_steps}).training
    steps = 5
    cuts = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    warm = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    by_epoch = torch.optim.lr_scheduler.StepLR(cuts, step_size=2, gamma=0.5)
    by_step = torch.optim.lr_scheduler.LinearLR(
        warm, start_factor=1 / max(warmup_steps, 1), total_iters=max(warmup_steps - 1, 1)
    )
    for epoch in range(6):
        for step in range(epoch * steps, (epoch + 1) * steps):
            factor = 1.0 if warmup_steps < 2 else warm.param_groups[0]["lr"]
            expected = cuts.param_groups[0]["lr"] * factor
            assert lr_at(1.0, config, epoch, step) == pytest.approx(expected, rel=1e-9)
            warm.step(), by_step.step()
        cuts.step(), by_epoch.step()
