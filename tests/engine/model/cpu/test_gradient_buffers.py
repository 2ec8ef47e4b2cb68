"""Memory of gradients that is the same at every step, and never that of a gradient still in use."""

import pytest
import torch
from torch import nn

from engine.model.cpu.chunked_loss import chunked_full_softmax
from engine.model.cpu.gradient_buffers import GradientBuffers
from tests.engine.model.batches import model_of, ragged_batch


def parameter_of(rows=5):
    return nn.Parameter(torch.randn(rows, 3))


def test_the_same_arguments_have_the_same_memory_and_others_have_their_own():
    buffers, first, second = GradientBuffers(), parameter_of(), parameter_of()
    addresses = []
    for _ in range(2):
        for parameter, number in ((first, 0), (first, 1), (second, 0)):
            addresses.append(buffers.gradient_of(parameter, number).data_ptr())
        buffers.handed_over()
    assert addresses[:3] == addresses[3:]
    assert len(set(addresses)) == 3


def test_memory_is_shaped_as_the_parameter_and_asks_for_no_gradient():
    parameter = parameter_of()
    found = GradientBuffers().gradient_of(parameter)
    assert found.shape == parameter.shape and found.dtype == parameter.dtype
    assert not found.requires_grad


def test_memory_that_is_a_gradient_is_left_alone():
    buffers, parameter = GradientBuffers(), parameter_of()
    parameter.grad = buffers.gradient_of(parameter).fill_(1.0)
    other = buffers.gradient_of(parameter).fill_(2.0)
    assert other.data_ptr() != parameter.grad.data_ptr()
    assert parameter.grad.eq(1.0).all()


def test_the_bf16_copy_follows_the_parameter_in_the_same_memory():
    buffers, parameter = GradientBuffers(), parameter_of()
    before = buffers.bf16_copy(parameter)
    assert torch.equal(before, parameter.detach().bfloat16())
    with torch.no_grad():
        parameter.mul_(-3)
    after = buffers.bf16_copy(parameter)
    assert torch.equal(after, parameter.detach().bfloat16()) and not after.requires_grad
    assert after.data_ptr() == before.data_ptr()
    assert buffers.bf16_copy(parameter_of()).data_ptr() != before.data_ptr()


@pytest.fixture(params=[1, 2])
def threads(request, restored_threads, monkeypatch):
    torch.set_num_threads(request.param)
    monkeypatch.setattr("engine.contract.kernel_sizes.CHUNK_TOKENS", 16)


def backward(model, buffers, dtype=torch.float32):
    chunked_full_softmax(model, ragged_batch(), 1.0, dtype, buffers).backward()


def large(model):
    return [model.table] if model.output is None else [model.table, model.output]


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("tied", [False, True])
def test_autograd_takes_the_memory_without_a_copy_at_every_step(tied, dtype):
    model, buffers = model_of(tie_output=tied), GradientBuffers()
    addresses, gradients = [], []
    for _ in range(3):
        backward(model, buffers, dtype)
        addresses.append([parameter.grad.data_ptr() for parameter in large(model)])
        gradients.append([parameter.grad.clone() for parameter in large(model)])
        model.zero_grad(set_to_none=True)
    assert addresses[1:] == addresses[:-1]
    assert addresses[0] == [buffers.gradient_of(parameter).data_ptr() for parameter in large(model)]
    for other in gradients[1:]:
        torch.testing.assert_close(other, gradients[0])


@pytest.mark.parametrize("tied", [False, True])
def test_two_losses_before_a_backward_pass_have_gradients_of_their_own(tied):
    model, buffers = model_of(tie_output=tied), GradientBuffers()
    losses = [
        chunked_full_softmax(model, ragged_batch(), weight, torch.float32, buffers) for weight in (1.0, 2.0)
    ]
    once = torch.autograd.grad(losses[0], list(model.parameters()))
    once = [gradient.clone() for gradient in once]
    twice = torch.autograd.grad(losses[1], list(model.parameters()))
    torch.testing.assert_close(list(twice), [2 * gradient for gradient in once])


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("to_none", [False, True])
def test_gradients_of_steps_without_zero_grad_add_up(tied, to_none):
    model, buffers = model_of(tie_output=tied), GradientBuffers()
    backward(model, buffers)
    once = [parameter.grad.clone() for parameter in model.parameters()]
    for times in (2, 3):
        backward(model, buffers)
        for parameter, gradient in zip(model.parameters(), once, strict=True):
            torch.testing.assert_close(parameter.grad, times * gradient)
    model.zero_grad(set_to_none=to_none)
    backward(model, buffers)
    torch.testing.assert_close([parameter.grad for parameter in model.parameters()], once)
