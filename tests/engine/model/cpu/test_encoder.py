"""The encoder as one node of autograd, in chunks and on threads, against the plain one."""

import pytest
import torch

from engine.model.cpu.encoder import encode
from tests.engine.model.batches import batch_of, model_of, ragged_batch

NEAR = 0.05  # of a gradient's norm; measured as in test_chunked_loss.py
DTYPES = (torch.float32, torch.bfloat16)


@pytest.fixture(params=[1, 2, 3])
def threads(request, restored_threads):
    torch.set_num_threads(request.param)


def results(way, model, batch, **settings):
    """Hidden vectors, and the gradients of a scalar of them by the table and the transformer, by name."""
    hidden = way(model, batch.items, batch.lengths, batch.positions, **settings)
    grad_output = torch.randn(hidden.shape, generator=torch.Generator().manual_seed(2))
    found = torch.autograd.grad(hidden, [model.table, *model.transform_parameters], grad_output)
    return {"hidden": hidden.detach(), "table": found[0], **dict(enumerate(found[1:]))}


def plain(model, items, lengths, positions):
    return model.encode(items, lengths, positions)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("tokens", [1, 9, 1000])
def test_any_number_of_chunks_and_threads_gives_what_the_plain_one_does(chunks_of, norm, tokens):
    chunks_of(tokens)
    model, batch = model_of(norm=norm), ragged_batch()
    found, expected = results(encode, model, batch), results(plain, model, batch)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.usefixtures("restored_threads")
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_same_seed_drops_the_same_on_any_threads(chunks_of, dtype):
    chunks_of(8)
    model, batch = model_of(dropout=0.3), ragged_batch()

    def run(threads, seed=4):
        torch.set_num_threads(threads)
        torch.manual_seed(seed)
        return results(encode, model, batch, dtype=dtype)

    for threads in (1, 2, 3):
        first = run(threads)
        torch.testing.assert_close(run(threads), first, atol=0.0, rtol=0.0)
        assert not torch.allclose(run(threads, seed=5)["hidden"], first["hidden"], atol=0.1)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("tokens", [9, 1000])
def test_in_bfloat16_it_is_near_float32_and_gives_float32(chunks_of, norm, tokens):
    chunks_of(tokens)
    model, batch = model_of(norm=norm), ragged_batch()
    float32, bf16 = (results(encode, model, batch, dtype=each) for each in DTYPES)
    for name, expected in float32.items():
        assert bf16[name].dtype == torch.float32 and bf16[name].shape == expected.shape
        assert float((bf16[name] - expected).norm()) <= NEAR * float(expected.norm()), name


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("targets", [0, 1])
def test_chunks_without_targets_are_no_problem(chunks_of, dtype, targets):
    chunks_of(3)
    model, batch = model_of(), batch_of([3, 4, 2], [False] * (9 - targets) + [True] * targets)
    found = results(encode, model, batch, dtype=dtype)
    assert found["hidden"].shape == (targets, 16)
    if targets:
        torch.testing.assert_close(
            found["hidden"], results(plain, model, batch)["hidden"], atol=0.1, rtol=0.1
        )
    else:
        assert not any(part.any() for part in found.values())
