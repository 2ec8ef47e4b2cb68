"""The full softmax's loss and gradients made piece by piece against those of the whole batch at once."""

import pytest
import torch
from hypothesis import given, settings

from engine.model.cpu.chunked_loss import full_softmax_by_pieces
from engine.model.cpu.gradient_buffers import Room
from engine.model.losses.full_softmax import full_softmax
from tests.engine.model.batches import batch_of, batches, model_of, ragged_batch

# Of 48 models in both orders of norms, in one piece and in several, the gradient farthest from float32's was 0.039 of
# its norm away, most no more than 0.02: numbers are rounded by up to 2^-8 = 0.004 in each
# of some twenty steps, and a norm's bias gets sums in which much cancels.
NEAR = 0.05


def gradients_of(loss, model):
    """Gradients by all parameters, and the loss."""
    found = torch.autograd.grad(loss, list(model.parameters()))
    return dict(zip([name for name, _ in model.named_parameters()], found, strict=True)) | {
        "loss": loss.detach()
    }


def by_autograd(model, batch):
    hidden = model.encode(batch.items, batch.lengths, batch.positions)
    return gradients_of(full_softmax(hidden, batch.targets, model.item_weights, model.output_bias), model)


def by_pieces(model, batch, weight=1.0, half=False, room=None):
    loss = full_softmax_by_pieces(model, batch, weight, half, room or Room())
    return gradients_of(loss, model)


def check_close(found, expected, atol=1e-5, rtol=1e-4):
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], atol=atol, rtol=rtol, msg=name)


@pytest.fixture(params=[1, 2, 3])
def threads(request, threads_are_put_back):
    torch.set_num_threads(request.param)
    return request.param


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("tokens", [1, 9, 1000])
def test_any_number_of_pieces_and_threads_gives_the_loss_and_gradients_of_the_whole(pieces_of, tied, tokens):
    pieces_of(tokens)
    model, batch = model_of(tie_output=tied), ragged_batch()
    check_close(by_pieces(model, batch), by_autograd(model, batch))


@pytest.mark.usefixtures("threads_are_put_back")
@settings(max_examples=10)
@given(batches())
def test_pieces_with_and_without_targets_add_up_to_the_whole(batch):
    torch.set_num_threads(2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.model.cpu.chunks.TOKENS", 4)
        model = model_of(num_layers=1)
        check_close(by_pieces(model, batch), by_autograd(model, batch))


@pytest.mark.usefixtures("threads_are_put_back")
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("tied", [False, True])
def test_the_same_seed_drops_the_same_whatever_threads_turn_it_is(pieces_of, tied, half):
    pieces_of(8)
    model, batch = model_of(tie_output=tied, dropout=0.3), ragged_batch()

    def run(threads, seed=4):
        torch.set_num_threads(threads)
        torch.manual_seed(seed)
        return by_pieces(model, batch, half=half)

    for threads in (1, 2, 3):
        first = run(threads)
        check_close(run(threads), first, atol=0.0, rtol=0.0)
        assert not torch.allclose(run(threads, seed=5)["loss"], first["loss"], rtol=1e-5, atol=0.0)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("tokens", [9, 1000])
@pytest.mark.parametrize(("tied", "norm"), [(False, "post"), (True, "pre")])
def test_in_half_precision_it_is_near_the_whole_one_and_gives_float32(pieces_of, tied, norm, tokens):
    pieces_of(tokens)
    model, batch = model_of(tie_output=tied, norm=norm), ragged_batch()
    whole, half = (by_pieces(model, batch, half=each) for each in (False, True))
    for name, expected in whole.items():
        assert half[name].dtype == torch.float32 and half[name].shape == expected.shape
        assert float((half[name] - expected).norm()) <= NEAR * float(expected.norm()), name


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("tied", [False, True])
def test_weight_and_gradient_from_above_multiply(tied, half):
    model, batch = model_of(tie_output=tied), ragged_batch()
    plain = by_pieces(model, batch, half=half)
    weighted = by_pieces(model, batch, weight=0.25, half=half)
    above = gradients_of(full_softmax_by_pieces(model, batch, 1.0, half, Room()) * 0.25, model)
    expected = {name: part / 4 for name, part in plain.items()}
    check_close(weighted, expected)
    check_close(above, expected)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("tied", [False, True])
def test_a_batch_without_targets_has_no_loss_and_no_gradient(pieces_of, tied, half):
    pieces_of(3)
    model, batch = model_of(tie_output=tied, dropout=0.1), batch_of([3, 4, 2], [False] * 9)
    room = Room()
    by_pieces(model, ragged_batch(), room=room)  # leaves numbers in its memory
    found = by_pieces(model, batch, half=half, room=room)
    assert not any(part.any() for part in found.values())


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("tied", [False, True])
def test_memory_used_again_gives_each_step_its_own_gradients(pieces_of, tied):
    pieces_of(9)
    model, room = model_of(tie_output=tied), Room()
    lengths = [4, 9, 2]
    for batch in (ragged_batch(), batch_of(lengths, [True] * 15), ragged_batch()):
        check_close(by_pieces(model, batch, room=room), by_autograd(model, batch))
