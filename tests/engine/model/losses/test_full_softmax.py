"""The full softmax by blocks against torch's own cross-entropy."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from engine.model.losses import full_softmax as full_loss
from engine.model.losses import vocabulary_blocks
from engine.model.losses.full_softmax import Output, OutputSums, add_softmax, full_softmax


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


def output_of(weights, bias, half=False):
    return Output(weights, bias, weights.detach().bfloat16() if half else None)


def sums_like(weights, bias):
    """Empty sums in memory that holds no numbers yet."""
    return OutputSums(torch.full_like(weights, torch.nan), torch.full_like(bias, torch.nan))


def added(leaves, targets, half=False, weight=1.0):
    """The loss and its gradients by hidden vectors, weights and biases, by name."""
    hidden, weights, bias = (leaf.detach() for leaf in leaves)
    sums = sums_like(weights, bias)
    loss, of_hidden = add_softmax(hidden, targets, output_of(weights, bias, half), sums, weight)
    sums.finish()
    return {"loss": loss, "hidden": of_hidden, "weights": sums.weights, "bias": sums.bias}


def in_blocks(patch):
    patch.setattr(full_loss, "_LEAST_ITEMS", 3)
    patch.setattr(vocabulary_blocks, "CELLS", 16)


@pytest.fixture(params=["one block", "blocks"])
def any_number_of_blocks(request, monkeypatch):
    if request.param == "blocks":
        in_blocks(monkeypatch)


@settings(max_examples=30)
@given(targets=st.integers(0, 40), items=st.integers(1, 300))
def test_it_equals_torchs_cross_entropy(targets, items):
    check_equals_torch(*tensors(targets, items))


def test_without_targets_gradients_are_zeros_whatever_was_in_memory(monkeypatch):
    leaves, wanted = tensors(0, 9)
    monkeypatch.setattr(torch, "empty_like", lambda like: torch.full_like(like, torch.nan))
    loss, gradients = loss_and_gradients(lambda h, w, b: full_softmax(h, wanted, w, b), leaves)
    assert float(loss) == 0.0
    assert [gradient.shape for gradient in gradients] == [leaf.shape for leaf in leaves]
    assert not any(gradient.any() for gradient in gradients)


@settings(max_examples=30)
@given(targets=st.integers(0, 20), items=st.integers(1, 60))
def test_by_blocks_it_equals_torchs_cross_entropy_too(targets, items):
    with pytest.MonkeyPatch.context() as patch:
        in_blocks(patch)
        check_equals_torch(*tensors(targets, items))


@pytest.mark.usefixtures("threads_are_put_back")
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("kept", [0, 1 << 24])
def test_blocks_kept_or_computed_again_change_nothing(monkeypatch, kept, threads):
    torch.set_num_threads(threads)
    monkeypatch.setattr(vocabulary_blocks, "KEPT_CELLS", kept)
    monkeypatch.setattr(full_loss, "_LEAST_ITEMS", 7)
    monkeypatch.setattr(vocabulary_blocks, "CELLS", 64)
    check_equals_torch(*tensors(20, 100))


@pytest.mark.usefixtures("any_number_of_blocks", "threads_are_put_back")
@pytest.mark.parametrize("half", [False, True])
def test_any_number_of_threads_gives_the_same(half):
    leaves, wanted = tensors(9, 40)
    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(added(leaves, wanted, half))
    for other in found[1:]:
        torch.testing.assert_close(other, found[0])


@pytest.mark.usefixtures("any_number_of_blocks")
def test_logits_beyond_the_exponentials_range_are_no_problem():
    check_equals_torch(*tensors(10, 50, size=12.0))


@pytest.mark.usefixtures("any_number_of_blocks")
@pytest.mark.parametrize("half", [False, True])
def test_the_weight_multiplies_loss_and_gradients(half):
    leaves, wanted = tensors(9, 40)
    plain, weighted = (added(leaves, wanted, half, weight) for weight in (1.0, 0.25))
    for name, part in plain.items():
        torch.testing.assert_close(weighted[name], part / 4)


@pytest.mark.usefixtures("any_number_of_blocks")
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("shares", [[4, 5, 11], [0, 20], [20, 0], [7, 0, 13]])
def test_calls_into_one_sum_add_up(half, shares):
    leaves, wanted = tensors(20, 40)
    hidden, weights, bias = (leaf.detach() for leaf in leaves)
    whole = added((hidden, weights, bias), wanted, half)
    output, sums = output_of(weights, bias, half), sums_like(weights, bias)
    losses, of_hidden = zip(
        *(
            add_softmax(*each, output, sums)
            for each in zip(hidden.split(shares), wanted.split(shares), strict=True)
        ),
        strict=True,
    )
    found = {"loss": sum(losses), "hidden": torch.cat(of_hidden), "weights": sums.weights, "bias": sums.bias}
    near = {"atol": 0.05, "rtol": 0.05} if half else {"atol": 1e-5, "rtol": 1e-5}
    torch.testing.assert_close(found, whole, **near)


def test_sums_take_in_others_and_are_zeros_where_nothing_was_added():
    def filled(number):
        return OutputSums(torch.full((3, 2), number), torch.full((3,), number), empty=False)

    def empty():
        return OutputSums(torch.full((3, 2), torch.nan), torch.full((3,), torch.nan))

    def numbers(sums):
        assert not sums.empty
        (number,) = {*sums.weights.flatten().tolist(), *sums.bias.tolist()}
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


@pytest.mark.parametrize("cells", [1 << 16, 1 << 19])
@pytest.mark.parametrize("targets", [31, 32])
@pytest.mark.parametrize("large", ["weights", "biases"])
def test_in_half_precision_logits_beyond_the_range_are_no_problem_either(monkeypatch, targets, large, cells):
    monkeypatch.setattr(vocabulary_blocks, "CELLS", cells)
    leaves, wanted = tensors(targets, 5000, size=3.0 if large == "weights" else 1.0)
    if large == "biases":
        with torch.no_grad():
            leaves[2][::7] += 100.0
    whole, half = (added(leaves, wanted, each) for each in (False, True))
    torch.testing.assert_close(half["loss"], whole["loss"], atol=0.0, rtol=0.02)
    for name in ("hidden", "weights", "bias"):
        assert float((half[name] - whole[name]).norm()) <= 0.3 * float(whole[name].norm()), name


@pytest.mark.usefixtures("any_number_of_blocks")
def test_a_number_that_is_none_makes_the_loss_none():
    leaves, targets = tensors(4, 9)
    with torch.no_grad():
        leaves[0][1, 2] = torch.nan
    assert full_softmax(leaves[0], targets, leaves[1], leaves[2]).isnan()


@pytest.mark.parametrize("kept", [0, 1 << 24])
@pytest.mark.parametrize("targets", [0, 1, 32, 45])
@pytest.mark.parametrize("items", [900, 5000], ids=["one block", "blocks"])
def test_in_half_precision_it_is_near_the_whole_one(monkeypatch, targets, kept, items):
    monkeypatch.setattr(vocabulary_blocks, "KEPT_CELLS", kept)
    monkeypatch.setattr(vocabulary_blocks, "CELLS", 1 << 16)
    leaves, wanted = tensors(targets, items)
    whole, half = (added(leaves, wanted, each) for each in (False, True))
    torch.testing.assert_close(half["loss"], whole["loss"], atol=0.0, rtol=0.01)
    for name in ("hidden", "weights", "bias"):
        found, expected = half[name], whole[name]
        assert found.dtype == torch.float32 and found.shape == expected.shape
        assert float((found - expected).norm()) <= 0.02 * float(expected.norm()), name
