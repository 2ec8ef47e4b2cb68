"""The encoder as one node of autograd, in pieces and on threads, against the plain one."""

import pytest
import torch

from engine.model.cpu.encoder import encode
from tests.engine.model.batches import batch_of, model_of, ragged_batch

NEAR = 0.05  # of a gradient's norm; measured as in test_full_softmax.py


@pytest.fixture(params=[1, 2, 3])
def threads(request, threads_are_put_back):
    torch.set_num_threads(request.param)


def results(way, model, batch, **settings):
    """Hidden vectors, and the gradients of some scalar of them by the table and all that is inside, by name."""
    hidden = way(model, batch.items, batch.lengths, batch.positions, **settings)
    above = torch.randn(hidden.shape, generator=torch.Generator().manual_seed(2))
    found = torch.autograd.grad(hidden, [model.table, *model.inside], above)
    return {"hidden": hidden.detach(), "table": found[0], **dict(enumerate(found[1:]))}


def plain(model, items, lengths, positions):
    return model.encode(items, lengths, positions)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("tokens", [1, 9, 1000])
def test_any_number_of_pieces_and_threads_gives_what_the_plain_one_does(pieces_of, norm, tokens):
    pieces_of(tokens)
    model, batch = model_of(norm=norm), ragged_batch()
    found, expected = results(encode, model, batch), results(plain, model, batch)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.usefixtures("threads_are_put_back")
@pytest.mark.parametrize("half", [False, True])
def test_the_same_seed_drops_the_same_whatever_threads_turn_it_is(pieces_of, half):
    pieces_of(8)
    model, batch = model_of(dropout=0.3), ragged_batch()

    def run(threads, seed=4):
        torch.set_num_threads(threads)
        torch.manual_seed(seed)
        return results(encode, model, batch, half=half)

    for threads in (1, 2, 3):
        first = run(threads)
        torch.testing.assert_close(run(threads), first, atol=0.0, rtol=0.0)
        assert not torch.allclose(run(threads, seed=5)["hidden"], first["hidden"], atol=0.1)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("tokens", [9, 1000])
def test_in_half_precision_it_is_near_the_whole_one_and_gives_float32(pieces_of, norm, tokens):
    pieces_of(tokens)
    model, batch = model_of(norm=norm), ragged_batch()
    whole, half = (results(encode, model, batch, half=each) for each in (False, True))
    for name, expected in whole.items():
        assert half[name].dtype == torch.float32 and half[name].shape == expected.shape
        assert float((half[name] - expected).norm()) <= NEAR * float(expected.norm()), name


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("targets", [0, 1])
def test_pieces_without_targets_are_no_problem(pieces_of, half, targets):
    pieces_of(3)
    model, batch = model_of(), batch_of([3, 4, 2], [False] * (9 - targets) + [True] * targets)
    found = results(encode, model, batch, half=half)
    assert found["hidden"].shape == (targets, 16)
    if targets:
        torch.testing.assert_close(
            found["hidden"], results(plain, model, batch)["hidden"], atol=0.1, rtol=0.1
        )
    else:
        assert not any(part.any() for part in found.values())
