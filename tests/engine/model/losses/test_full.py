"""The full softmax by blocks against torch's own cross-entropy."""

from dataclasses import fields

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from engine.model.losses import blocks, full
from engine.model.losses.full import full_softmax, softmax_gradients


def tensors(targets, items, width=8, size=1.0):
    generator = torch.Generator().manual_seed(targets * 1000 + items)
    hidden, weights = (size * torch.randn(rows, width, generator=generator) for rows in (targets, items))
    wanted = torch.randint(0, items, (targets,), generator=generator)
    leaves = [hidden, weights, torch.randn(items, generator=generator)]
    return [leaf.requires_grad_() for leaf in leaves], wanted


def loss_and_gradients(function, leaves):
    loss = function(*leaves)
    return loss.detach(), torch.autograd.grad(3 * loss, leaves)


def check_equals_torch(leaves, targets):
    def torchs(hidden, weights, bias):
        return functional.cross_entropy(functional.linear(hidden, weights, bias), targets, reduction="sum")

    expected, gradients = loss_and_gradients(torchs, leaves)
    found, ours = loss_and_gradients(lambda h, w, b: full_softmax(h, targets, w, b), leaves)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-5)
    for mine, theirs in zip(ours, gradients, strict=True):
        torch.testing.assert_close(mine, theirs, atol=2e-5 * max(1.0, float(theirs.norm())), rtol=1e-5)


@settings(max_examples=30)
@given(targets=st.integers(0, 40), items=st.integers(1, 300))
def test_it_equals_torchs_cross_entropy(targets, items):
    check_equals_torch(*tensors(targets, items))


@pytest.mark.parametrize("kept", [0, 1 << 24])
def test_blocks_kept_or_computed_again_change_nothing(monkeypatch, kept):
    monkeypatch.setattr(blocks, "KEPT_CELLS", kept)
    monkeypatch.setattr(full, "_LEAST_ITEMS", 7)
    monkeypatch.setattr(blocks, "CELLS", 64)
    check_equals_torch(*tensors(20, 100))


@pytest.fixture(params=["one block", "blocks"])
def any_number_of_blocks(request, monkeypatch):
    if request.param == "blocks":
        monkeypatch.setattr(full, "_LEAST_ITEMS", 3)
        monkeypatch.setattr(blocks, "CELLS", 16)


@pytest.mark.usefixtures("any_number_of_blocks")
def test_logits_beyond_the_exponentials_range_are_no_problem():
    check_equals_torch(*tensors(10, 50, size=12.0))


@pytest.mark.usefixtures("any_number_of_blocks")
@pytest.mark.parametrize("half", [False, True])
def test_the_weight_multiplies_loss_and_gradients(half):
    (hidden, weights, bias), wanted = tensors(9, 40)
    plain, weighted = (
        softmax_gradients(hidden, wanted, weights, bias, weight, half) for weight in (1.0, 0.25)
    )
    for part in fields(plain):
        torch.testing.assert_close(getattr(weighted, part.name), getattr(plain, part.name) / 4)


@pytest.mark.parametrize("targets", [31, 32])
def test_in_half_precision_logits_beyond_the_range_are_no_problem_either(targets):
    (hidden, weights, bias), wanted = tensors(targets, 5000, size=3.0)
    whole, half = (softmax_gradients(hidden, wanted, weights, bias, half=each) for each in (False, True))
    torch.testing.assert_close(half.loss, whole.loss, atol=0.0, rtol=0.02)
    assert float((half.hidden - whole.hidden).norm()) <= 0.3 * float(whole.hidden.norm())


@pytest.mark.usefixtures("any_number_of_blocks")
def test_a_number_that_is_none_makes_the_loss_none():
    leaves, targets = tensors(4, 9)
    with torch.no_grad():
        leaves[0][1, 2] = torch.nan
    assert full_softmax(leaves[0], targets, leaves[1], leaves[2]).isnan()


@pytest.mark.parametrize("kept", [0, 1 << 24])
@pytest.mark.parametrize("targets", [0, 1, 32, 45])
def test_in_half_precision_it_is_near_the_whole_one(monkeypatch, targets, kept):
    monkeypatch.setattr(blocks, "KEPT_CELLS", kept)
    (hidden, weights, bias), wanted = tensors(targets, 5000)
    whole, half = (softmax_gradients(hidden, wanted, weights, bias, half=each) for each in (False, True))
    torch.testing.assert_close(half.loss, whole.loss, atol=0.0, rtol=0.01)
    for name in ("hidden", "weights", "bias"):
        found, expected = getattr(half, name), getattr(whole, name)
        assert found.dtype == torch.float32 and found.shape == expected.shape
        assert float((found - expected).norm()) <= 0.02 * float(expected.norm())
