"""The kernels of a training step: on CPU as the reference, behind `Objective`, and no part of the model's state."""

import ast
from pathlib import Path

import pytest
import torch

from engine.model.cpu.kernels import CpuKernels
from engine.model.kernels import AutogradKernels
from engine.model.objective import Objective
from tests.builders import experiment_of
from tests.conftest import ROOT
from tests.engine.model.batches import model_of, ragged_batch


def gradients_of(loss, model):
    return dict(
        zip(
            [name for name, _ in model.named_parameters()],
            torch.autograd.grad(loss, list(model.parameters())),
            strict=True,
        )
    )


@pytest.mark.parametrize("tied", [False, True])
def test_the_full_softmax_on_cpu_is_the_references(tied):
    model, batch = model_of(tie_output=tied), ragged_batch()
    losses = [kernels.full_softmax(model, batch, 0.5) for kernels in (CpuKernels(), AutogradKernels())]
    torch.testing.assert_close(losses[0], losses[1])
    ours, theirs = (gradients_of(loss, model) for loss in losses)
    for name, gradient in theirs.items():
        torch.testing.assert_close(ours[name], gradient, atol=1e-5, rtol=1e-4, msg=name)


def test_hidden_vectors_on_cpu_are_the_references():
    model, batch = model_of(), ragged_batch()
    ours, theirs = (kernels.encode(model, batch) for kernels in (CpuKernels(), AutogradKernels()))
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kernels", [CpuKernels, AutogradKernels])
def test_in_bfloat16_hidden_vectors_are_float32_near_those_in_float32(kernels):
    model, batch = model_of(), ragged_batch()
    float32, bf16 = (kernels(dtype).encode(model, batch) for dtype in (torch.float32, torch.bfloat16))
    assert bf16.dtype == torch.float32 and not torch.equal(bf16, float32)
    torch.testing.assert_close(bf16, float32, atol=0.1, rtol=0.1)


@pytest.mark.parametrize("kernels", [CpuKernels, AutogradKernels])
def test_a_sharded_output_layer_is_asked_for_the_full_softmax_of_all_hidden_vectors(kernels):
    class Part:
        def full_softmax(self, hidden, targets, weights, bias):
            self.arguments = [hidden, targets, weights, bias]
            return hidden.sum()

    model, batch = model_of(), ragged_batch()
    hidden = kernels().encode(model, batch).detach()
    model.part = Part()
    loss = kernels().full_softmax(model, batch, 0.25)
    torch.testing.assert_close(loss, hidden.sum() * 0.25)
    for argument, expected in zip(
        model.part.arguments, (hidden, batch.targets, model.output, model.output_bias), strict=True
    ):
        torch.testing.assert_close(argument, expected)


def test_kernels_are_no_part_of_the_models_state():
    model = model_of()
    objective = Objective(model, experiment_of().training, CpuKernels())
    assert {name.removeprefix("model.") for name in objective.state_dict()} == set(model.state_dict())
    assert [module for module in objective.modules() if "Kernels" in type(module).__name__] == []


def test_the_cpu_folder_has_one_door():
    """Modules outside import `engine.model.cpu.kernels` alone."""
    folder = ROOT / "engine" / "model" / "cpu"
    outside = [path for path in (ROOT / "engine").rglob("*.py") if folder not in path.parents]
    doors = {name for path in outside for name in _imported(path) if name.startswith("engine.model.cpu")}
    assert doors == {"engine.model.cpu.kernels"}


def _imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return names | {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
