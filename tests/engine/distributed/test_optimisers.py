"""AdamW, weight decay, learning rates and gradient clipping."""

import os
import subprocess
import sys

import pytest
import torch

from engine.distributed.optimisers import Optimisers
from engine.distributed.process_group import ProcessGroup
from engine.model.bert4rec import ITEM_TABLE, BERT4Rec
from tests.builders import experiment_of
from tests.conftest import ROOT

ALONE = ProcessGroup(0, 0, 1, torch.device("cpu"))


def made(**training):
    experiment = experiment_of(training=training)
    model = BERT4Rec(20, experiment.model, seed=1)
    return model, Optimisers.dense(dict(model.named_parameters()), experiment.training, ALONE)


def test_weight_decay_shrinks_matrices_and_tables_but_not_biases_and_norms():
    model, optimisers = made(lr=0.1, weight_decay=0.5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1.0)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimisers.step()
    decayed = {name for name, p in model.named_parameters() if torch.allclose(p, torch.tensor(0.95))}
    spared = {name for name, p in model.named_parameters() if torch.equal(p, torch.ones_like(p))}
    assert decayed | spared == dict(model.named_parameters()).keys()
    assert {ITEM_TABLE, "positions.weight", "output", "head.weight"} <= decayed
    assert spared == {name for name in decayed | spared if "norm" in name or name.endswith("bias")}


def test_the_learning_rate_can_be_set_after_a_state_was_loaded():
    _, optimisers = made(lr=0.1)
    optimisers.adam.load_state_dict(optimisers.adam.state_dict())  # makes new groups, as a resumed run does
    for factor in (0.5, 0.25, 1.0):
        optimisers.set_lrs([factor * lr for lr in optimisers.base_lrs])
        assert [group["lr"] for group in optimisers.adam.param_groups] == [0.1 * factor] * 2


@pytest.mark.parametrize(("clip", "scale"), [(1.0, 0.2), (5.0, 1.0), (7.0, 1.0)])
def test_a_gradient_above_the_clip_norm_is_scaled_down_to_it(clip, scale):
    weight, bias = torch.zeros(1, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
    training = experiment_of(training={"grad_clip": clip}).training
    optimisers = Optimisers.dense({"weight": weight, "bias": bias}, training, ALONE)
    weight.grad, bias.grad = torch.full((1, 1), 3.0), torch.full((1,), 4.0)
    optimisers.step()
    first_moments = [optimisers.adam.state[p]["exp_avg"].item() for p in (weight, bias)]
    assert first_moments == pytest.approx([0.1 * scale * 3.0, 0.1 * scale * 4.0], rel=1e-5)


WORKER = """
import torch
from engine.distributed.clipping import clip_gradient, gradient_norm
from engine.distributed.process_group import process_group

def parameter(gradient):
    made = torch.zeros_like(gradient, requires_grad=True)
    made.grad = gradient.clone()
    return made

with process_group(0) as group:
    whole, common = torch.arange(12.0).reshape(6, 2), torch.tensor([2.0, -1.0])
    replicated, mine = [parameter(common)], [parameter(whole[group.rank::2])]
    norm = torch.cat((whole.flatten(), common)).norm()
    torch.testing.assert_close(gradient_norm(replicated, mine, group), norm)
    clip_gradient(replicated, mine, group, 3.0)
    torch.testing.assert_close(replicated[0].grad, common * 3 / norm)
    torch.testing.assert_close(mine[0].grad, whole[group.rank::2] * 3 / norm)
    print("rank done")
"""


@pytest.mark.torchrun
def test_the_norm_counts_the_shards_of_all_ranks_once_and_scales_them_alike(tmp_path):
    worker = tmp_path / "worker.py"
    worker.write_text(WORKER)
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        str(worker),
    ]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("rank done") == 2
