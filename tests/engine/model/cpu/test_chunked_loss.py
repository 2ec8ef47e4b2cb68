"""The full softmax's loss and gradients made chunk by chunk against those of the whole batch at once."""

import pytest
import torch
from hypothesis import given, settings

from engine.model.cpu.chunked_loss import chunked_full_softmax
from engine.model.cpu.gradient_buffers import GradientBuffers
from engine.model.losses.full_softmax import full_softmax
from tests.engine.model.batches import batch_of, batches, model_of, ragged_batch

# Of 48 models in both orders of norms, in one chunk and in several, the gradient farthest from float32's was 0.039 of
# its norm away, most no more than 0.02: numbers are rounded by up to 2^-8 = 0.004 in each
# of some twenty steps, and a norm's bias gets sums in which much cancels.
NEAR = 0.05

DTYPES = (torch.float32, torch.bfloat16)


def gradients_of(loss, model):
    """Gradients by all parameters, and the loss."""
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    return dict(zip([name for name, _ in model.named_parameters()], gradients, strict=True)) | {
        "loss": loss.detach()
    }


def by_autograd(model, batch):
    hidden = model.encode(batch.items, batch.lengths, batch.positions)
    return gradients_of(full_softmax(hidden, batch.targets, model.item_weights, model.output_bias), model)


def by_chunks(model, batch, weight=1.0, dtype=torch.float32, buffers=None):
    loss = chunked_full_softmax(model, batch, weight, dtype, buffers or GradientBuffers())
    return gradients_of(loss, model)


def check_close(found, expected, atol=1e-5, rtol=1e-4):
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], atol=atol, rtol=rtol, msg=name)


@pytest.fixture(params=[1, 2, 3])
def threads(request, restored_threads):
    torch.set_num_threads(request.param)
    return request.param


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("tokens", [1, 9, 1000])
def test_any_number_of_chunks_and_threads_gives_the_loss_and_gradients_of_the_whole(chunks_of, tied, tokens):
    chunks_of(tokens)
    model, batch = model_of(tie_output=tied), ragged_batch()
    check_close(by_chunks(model, batch), by_autograd(model, batch))


@pytest.mark.usefixtures("restored_threads")
@settings(max_examples=10)
@given(batches())
def test_chunks_with_and_without_targets_add_up_to_the_whole(batch):
    torch.set_num_threads(2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.contract.kernel_sizes.CHUNK_TOKENS", 4)
        model = model_of(num_layers=1)
        check_close(by_chunks(model, batch), by_autograd(model, batch))


@pytest.mark.usefixtures("restored_threads")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tied", [False, True])
def test_the_same_seed_drops_the_same_on_any_threads(chunks_of, tied, dtype):
    chunks_of(8)
    model, batch = model_of(tie_output=tied, dropout=0.3), ragged_batch()

    def run(threads, seed=4):
        torch.set_num_threads(threads)
        torch.manual_seed(seed)
        return by_chunks(model, batch, dtype=dtype)

    for threads in (1, 2, 3):
        first = run(threads)
        check_close(run(threads), first, atol=0.0, rtol=0.0)
        assert not torch.allclose(run(threads, seed=5)["loss"], first["loss"], rtol=1e-5, atol=0.0)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("tokens", [9, 1000])
@pytest.mark.parametrize(("tied", "norm"), [(False, "post"), (True, "pre")])
def test_in_bfloat16_it_is_near_float32_and_gives_float32(chunks_of, tied, norm, tokens):
    chunks_of(tokens)
    model, batch = model_of(tie_output=tied, norm=norm), ragged_batch()
    float32, bf16 = (by_chunks(model, batch, dtype=each) for each in DTYPES)
    for name, expected in float32.items():
        assert bf16[name].dtype == torch.float32 and bf16[name].shape == expected.shape
        assert float((bf16[name] - expected).norm()) <= NEAR * float(expected.norm()), name


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tied", [False, True])
def test_weight_and_grad_output_multiply(tied, dtype):
    model, batch = model_of(tie_output=tied), ragged_batch()
    plain = by_chunks(model, batch, dtype=dtype)
    weighted = by_chunks(model, batch, weight=0.25, dtype=dtype)
    scaled = gradients_of(chunked_full_softmax(model, batch, 1.0, dtype, GradientBuffers()) * 0.25, model)
    expected = {name: part / 4 for name, part in plain.items()}
    check_close(weighted, expected)
    check_close(scaled, expected)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tied", [False, True])
def test_a_batch_without_targets_has_no_loss_and_no_gradient(chunks_of, tied, dtype):
    chunks_of(3)
    model, batch = model_of(tie_output=tied, dropout=0.1), batch_of([3, 4, 2], [False] * 9)
    buffers = GradientBuffers()
    by_chunks(model, ragged_batch(), buffers=buffers)  # leaves numbers in its memory
    found = by_chunks(model, batch, dtype=dtype, buffers=buffers)
    assert not any(part.any() for part in found.values())


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("tied", [False, True])
def test_memory_used_again_gives_each_step_its_own_gradients(chunks_of, tied):
    chunks_of(9)
    model, buffers = model_of(tie_output=tied), GradientBuffers()
    lengths = [4, 9, 2]
    for batch in (ragged_batch(), batch_of(lengths, [True] * 15), ragged_batch()):
        check_close(by_chunks(model, batch, buffers=buffers), by_autograd(model, batch))
