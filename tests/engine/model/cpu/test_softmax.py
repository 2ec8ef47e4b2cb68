"""The full softmax on CPU against the reference: on threads, in bfloat16, and added up over calls."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contract import kernel_sizes
from engine.model.cpu.softmax import OutputGradients, OutputLayer, add_softmax
from engine.model.losses import full_softmax as full_loss
from engine.model.losses.full_softmax import full_softmax
from tests.engine.model.losses.outputs import in_blocks, tensors

DTYPES = (torch.float32, torch.bfloat16)


def output_of(weights, bias, dtype=torch.float32):
    return OutputLayer(weights, bias, weights.detach().bfloat16() if dtype == torch.bfloat16 else None)


def gradients_like(weights, bias):
    """Empty gradients in memory that holds no numbers yet."""
    return OutputGradients(torch.full_like(weights, torch.nan), torch.full_like(bias, torch.nan))


def added(leaves, targets, dtype=torch.float32, weight=1.0):
    """The loss and its gradients by hidden vectors, weights and biases, by name."""
    hidden, weights, bias = (leaf.detach() for leaf in leaves)
    gradients = gradients_like(weights, bias)
    loss, grad_hidden = add_softmax(hidden, targets, output_of(weights, bias, dtype), gradients, weight)
    gradients.finish()
    return {"loss": loss, "hidden": grad_hidden, "weights": gradients.weights_VD, "bias": gradients.bias_V}


def check_equals_the_reference(leaves, targets):
    expected = full_softmax(leaves[0], targets, *leaves[1:])
    gradients = torch.autograd.grad(expected, leaves)
    found = added(leaves, targets)
    torch.testing.assert_close(found["loss"], expected.detach(), atol=1e-4, rtol=1e-5)
    for name, theirs in zip(("hidden", "weights", "bias"), gradients, strict=True):
        atol = 2e-5 * max(1.0, float(theirs.norm()))
        torch.testing.assert_close(found[name], theirs, atol=atol, rtol=1e-5)


@pytest.fixture(params=["one block", "blocks"])
def any_number_of_blocks(request, monkeypatch):
    if request.param == "blocks":
        in_blocks(monkeypatch)


@settings(max_examples=30)
@given(targets=st.integers(0, 40), items=st.integers(1, 300))
def test_it_equals_the_reference(targets, items):
    check_equals_the_reference(*tensors(targets, items))


@pytest.mark.usefixtures("restored_threads")
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("retained", [0, 1 << 24])
def test_blocks_on_threads_retained_or_not_equal_the_reference(monkeypatch, retained, threads):
    torch.set_num_threads(threads)
    monkeypatch.setattr(kernel_sizes, "RETAINED_LOGITS", retained)
    monkeypatch.setattr(full_loss, "MIN_ITEMS", 7)
    monkeypatch.setattr(kernel_sizes, "BLOCK_LOGITS", 64)
    check_equals_the_reference(*tensors(20, 100))


@pytest.mark.usefixtures("any_number_of_blocks")
def test_logits_beyond_the_exponentials_range_are_no_problem():
    check_equals_the_reference(*tensors(10, 50, size=12.0))


@pytest.mark.usefixtures("any_number_of_blocks", "restored_threads")
@pytest.mark.parametrize("dtype", DTYPES)
def test_any_number_of_threads_gives_the_same(dtype):
    leaves, targets = tensors(9, 40)
    results = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        results.append(added(leaves, targets, dtype))
    for other in results[1:]:
        torch.testing.assert_close(other, results[0])


@pytest.mark.usefixtures("any_number_of_blocks")
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_weight_multiplies_loss_and_gradients(dtype):
    leaves, targets = tensors(9, 40)
    plain, weighted = (added(leaves, targets, dtype, weight) for weight in (1.0, 0.25))
    for name, part in plain.items():
        torch.testing.assert_close(weighted[name], part / 4)


@pytest.mark.usefixtures("any_number_of_blocks")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shares", [[4, 5, 11], [0, 20], [20, 0], [7, 0, 13]])
def test_calls_with_the_same_gradients_add_up(dtype, shares):
    leaves, targets = tensors(20, 40)
    hidden, weights, bias = (leaf.detach() for leaf in leaves)
    expected = added((hidden, weights, bias), targets, dtype)
    output, gradients = output_of(weights, bias, dtype), gradients_like(weights, bias)
    losses, grad_hidden = zip(
        *(
            add_softmax(*each, output, gradients)
            for each in zip(hidden.split(shares), targets.split(shares), strict=True)
        ),
        strict=True,
    )
    found = {"loss": sum(losses), "hidden": torch.cat(grad_hidden)}
    found |= {"weights": gradients.weights_VD, "bias": gradients.bias_V}
    tolerance = 0.05 if dtype == torch.bfloat16 else 1e-5
    torch.testing.assert_close(found, expected, atol=tolerance, rtol=tolerance)


def test_gradients_add_others_and_are_zeros_where_nothing_was_added():
    def filled(number):
        return OutputGradients(torch.full((3, 2), number), torch.full((3,), number), empty=False)

    def empty():
        return OutputGradients(torch.full((3, 2), torch.nan), torch.full((3,), torch.nan))

    def numbers(gradients):
        assert not gradients.empty
        (number,) = {*gradients.weights_VD.flatten().tolist(), *gradients.bias_V.tolist()}
        return number

    total = empty()
    for other, expected in ((filled(2.0), 2.0), (empty(), 2.0), (filled(3.0), 5.0)):
        total.add(other)
        assert numbers(total) == expected
    nothing = empty()
    nothing.add(empty())
    assert nothing.empty
    nothing.finish()
    assert numbers(nothing) == 0.0
    total.finish()
    assert numbers(total) == 5.0


@pytest.mark.parametrize("logits", [1 << 16, 1 << 19])
@pytest.mark.parametrize("targets", [31, 32])
@pytest.mark.parametrize("large", ["weights", "biases"])
def test_in_bfloat16_logits_beyond_the_range_are_no_problem_either(monkeypatch, targets, large, logits):
    monkeypatch.setattr(kernel_sizes, "BLOCK_LOGITS", logits)
    leaves, drawn = tensors(targets, 5000, size=3.0 if large == "weights" else 1.0)
    if large == "biases":
        with torch.no_grad():
            leaves[2][::7] += 100.0
    float32, bf16 = (added(leaves, drawn, dtype) for dtype in DTYPES)
    torch.testing.assert_close(bf16["loss"], float32["loss"], atol=0.0, rtol=0.02)
    for name in ("hidden", "weights", "bias"):
        assert float((bf16[name] - float32[name]).norm()) <= 0.3 * float(float32[name].norm()), name


@pytest.mark.usefixtures("any_number_of_blocks")
def test_a_hidden_vector_that_is_nan_makes_the_loss_nan():
    leaves, targets = tensors(4, 9)
    with torch.no_grad():
        leaves[0][1, 2] = torch.nan
    assert added(leaves, targets)["loss"].isnan()


@pytest.mark.parametrize("retained", [0, 1 << 24])
@pytest.mark.parametrize("targets", [0, 1, 32, 45])
@pytest.mark.parametrize("items", [900, 5000], ids=["one block", "blocks"])
def test_in_bfloat16_it_is_near_float32(monkeypatch, targets, retained, items):
    monkeypatch.setattr(kernel_sizes, "RETAINED_LOGITS", retained)
    monkeypatch.setattr(kernel_sizes, "BLOCK_LOGITS", 1 << 16)
    leaves, drawn = tensors(targets, items)
    float32, bf16 = (added(leaves, drawn, dtype) for dtype in DTYPES)
    torch.testing.assert_close(bf16["loss"], float32["loss"], atol=0.0, rtol=0.01)
    for name in ("hidden", "weights", "bias"):
        found, expected = bf16[name], float32[name]
        assert found.dtype == torch.float32 and found.shape == expected.shape
        assert float((found - expected).norm()) <= 0.02 * float(expected.norm()), name
