"""The first step with a NaN or infinite loss is named, wherever in an epoch it is."""

import os
import subprocess
import sys

import pytest
import torch

from engine.contract.errors import B4RError, ExitCode
from engine.distributed.process_group import ProcessGroup
from engine.training.finite_loss import CHECK_STEPS, FiniteLossCheck
from tests.builders import experiment_of
from tests.conftest import ROOT

ALONE = ProcessGroup(0, 0, 1, torch.device("cpu"))
STEPS = 2 * CHECK_STEPS + 3


def check_losses(bad, values=(float("nan"),), **training):
    check = FiniteLossCheck(experiment_of(training=training).training, ALONE, 2, STEPS)
    for step in range(STEPS):
        value = values[(step - bad) % len(values)] if step >= bad else 1.0
        check.add(step, torch.tensor(value, dtype=torch.float64))


@pytest.mark.parametrize("bad", [0, 7, CHECK_STEPS - 1, CHECK_STEPS, STEPS - 1])
@pytest.mark.parametrize("values", [(float("nan"),), (float("inf"), 1.0)])
def test_the_first_bad_step_is_named_with_its_learning_rate(bad, values):
    with pytest.raises(B4RError, match=rf"epoch 2, step {bad} of {STEPS} .*learning rate 0.025;") as caught:
        check_losses(bad, values, lr=0.1, gamma=0.5, decay_step=1)
    assert caught.value.code == ExitCode.RUN_FAILED


def test_finite_losses_pass():
    check_losses(STEPS)


WORKER = """
import os
import torch
from engine.distributed.process_group import process_group
from engine.contract.errors import B4RError
from engine.training.finite_loss import FiniteLossCheck
from tests.builders import experiment_of

with process_group(0) as group:
    check = FiniteLossCheck(experiment_of().training, group, 0, 6)
    try:
        for step in range(6):
            check.add(step, torch.tensor(float("inf") if group.rank == 1 and step == 3 else 1.0))
    except B4RError as error:
        os.write(1, error.sentence.encode() + bytes([10]))  # in one write: the ranks share a pipe
"""


@pytest.mark.torchrun
def test_all_ranks_fail_alike_where_one_of_them_has_a_bad_loss(tmp_path):
    worker = tmp_path / "worker.py"
    worker.write_text(WORKER)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*torchrun, str(worker)], capture_output=True, text=True, timeout=240, check=False, env=env
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == second and "became inf in epoch 0, step 3 of 6" in first
