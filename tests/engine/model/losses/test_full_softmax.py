"""The full softmax by blocks against torch's own cross-entropy."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from engine.contract import kernel_sizes
from engine.model.losses import full_softmax as full_loss
from engine.model.losses.full_softmax import full_softmax
from tests.engine.model.losses.outputs import in_blocks, tensors


def loss_and_gradients(function, leaves):
    loss = function(*leaves)
    return loss.detach(), torch.autograd.grad(3 * loss, leaves)


def check_equals_torch(leaves, targets):
    def torchs(hidden, weights, bias):
        return functional.cross_entropy(functional.linear(hidden, weights, bias), targets, reduction="sum")

    expected, gradients = loss_and_gradients(torchs, leaves)
    loss, ours = loss_and_gradients(lambda h, w, b: full_softmax(h, targets, w, b), leaves)
    torch.testing.assert_close(loss, expected, atol=1e-4, rtol=1e-5)
    for mine, theirs in zip(ours, gradients, strict=True):
        torch.testing.assert_close(mine, theirs, atol=2e-5 * max(1.0, float(theirs.norm())), rtol=1e-5)


@pytest.fixture(params=["one block", "blocks"])
def any_number_of_blocks(request, monkeypatch):
    if request.param == "blocks":
        in_blocks(monkeypatch)


@settings(max_examples=30)
@given(targets=st.integers(0, 40), items=st.integers(1, 300))
def test_it_equals_torchs_cross_entropy(targets, items):
    check_equals_torch(*tensors(targets, items))


def test_without_targets_gradients_are_zeros_whatever_was_in_memory(monkeypatch):
    leaves, targets = tensors(0, 9)
    monkeypatch.setattr(torch, "empty_like", lambda like: torch.full_like(like, torch.nan))
    loss, gradients = loss_and_gradients(lambda h, w, b: full_softmax(h, targets, w, b), leaves)
    assert float(loss) == 0.0
    assert [gradient.shape for gradient in gradients] == [leaf.shape for leaf in leaves]
    assert not any(gradient.any() for gradient in gradients)


@settings(max_examples=30)
@given(targets=st.integers(0, 20), items=st.integers(1, 60))
def test_by_blocks_it_equals_torchs_cross_entropy_too(targets, items):
    with pytest.MonkeyPatch.context() as patch:
        in_blocks(patch)
        check_equals_torch(*tensors(targets, items))


@pytest.mark.parametrize("retained", [0, 1 << 24])
def test_blocks_retained_or_computed_again_change_nothing(monkeypatch, retained):
    monkeypatch.setattr(kernel_sizes, "RETAINED_LOGITS", retained)
    monkeypatch.setattr(full_loss, "MIN_ITEMS", 7)
    monkeypatch.setattr(kernel_sizes, "BLOCK_LOGITS", 64)
    check_equals_torch(*tensors(20, 100))


@pytest.mark.usefixtures("any_number_of_blocks")
def test_logits_beyond_the_exponentials_range_are_no_problem():
    check_equals_torch(*tensors(10, 50, size=12.0))


@pytest.mark.usefixtures("any_number_of_blocks")
def test_a_hidden_vector_that_is_nan_makes_the_loss_nan():
    leaves, targets = tensors(4, 9)
    with torch.no_grad():
        leaves[0][1, 2] = torch.nan
    assert full_softmax(leaves[0], targets, leaves[1], leaves[2]).isnan()
