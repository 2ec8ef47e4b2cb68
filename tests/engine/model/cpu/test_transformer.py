"""The transformer with its gradients written out against the same one differentiated by torch, in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.bert4rec import BERT4Rec
from engine.model.cpu.dropout_masks import draw_masks
from engine.model.cpu.encoder import encode
from engine.model.cpu.layers import GradientAccumulator
from engine.model.cpu.transformer import _rounded_up, accumulators_for, transform
from engine.model.ragged import Ragged
from tests.builders import experiment_of

ITEMS, WIDTH, SEED = 12, 8, 5


def made(norm, num_layers, dropout=0.0):
    settings = {
        "emb_dim": WIDTH,
        "nhead": 2,
        "max_len": 9,
        "norm": norm,
        "num_layers": num_layers,
        "dropout": dropout,
    }
    model = BERT4Rec(ITEMS, experiment_of(model=settings).model, SEED).double().train()
    with torch.no_grad():
        for parameter in model.parameters():  # biases too, and norms other than ones
            parameter.add_(torch.randn_like(parameter), alpha=0.3)
    return model


def pad(rows, tokens):
    whole = tokens.new_zeros(len(rows.offsets) - 1, rows.longest, tokens.shape[1])
    return whole.index_put(places(rows), tokens)


def unpad(rows, padded, tokens):
    return padded[places(rows)]


def places(rows):
    shape = (len(rows.offsets) - 1, rows.longest)
    return (torch.ones(shape, dtype=torch.bool) if rows.mask is None else rows.mask).nonzero(as_tuple=True)


@pytest.fixture(autouse=True)
def seeded_and_in_float64(monkeypatch):
    """FBGEMM pads float32 only on CPU; test_encoder.py is about the real one."""
    torch.manual_seed(SEED)
    monkeypatch.setattr(Ragged, "pad", pad)
    monkeypatch.setattr(Ragged, "unpad", unpad)


@pytest.fixture(params=["few groups", "many groups"])
def any_groups_of_rows(request, monkeypatch):
    if request.param == "many groups":
        monkeypatch.setattr("engine.model.cpu.head_layout._WASTE_CELLS", 0)
        monkeypatch.setattr("engine.model.cpu.head_layout._WASTE_FACTOR", 1)


@pytest.mark.usefixtures("any_groups_of_rows")
@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize(
    ("lengths", "positions"),
    [
        ([4, 4, 4], [0, 5, 6, 11]),
        ([1, 3, 9], [0, 2, 5, 12]),
        ([2, 5], [3]),
        ([2, 2, 7], [0, 3]),
        ([3], []),
        ([6, 6], range(12)),
    ],
)
def test_vectors_and_all_gradients_are_those_of_autograd(norm, num_layers, lengths, positions):
    model = made(norm, num_layers)
    lengths, positions = torch.tensor(lengths), torch.tensor(list(positions), dtype=torch.int64)
    vectors = torch.randn(int(lengths.sum()), WIDTH, dtype=torch.float64, requires_grad=True)
    expected = model.transform(vectors, lengths, positions)
    grad_output = torch.randn_like(expected)
    gradients = torch.autograd.grad(expected, (vectors, *model.transform_parameters), grad_output)
    accumulator = GradientAccumulator(model.transform_parameters)
    with torch.no_grad():
        for times in (1, 2):  # gradients of parameters add up
            output, vjp = transform(model, vectors, lengths, positions, accumulator)
            torch.testing.assert_close(output, expected)
            torch.testing.assert_close(vjp(grad_output), gradients[0])
            for mine, theirs in zip(accumulator.gradients, gradients[1:], strict=True):
                torch.testing.assert_close(mine, theirs * times)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_gradients_under_dropout_are_the_slopes_of_what_it_computes(norm):
    model = made(norm, 2, dropout=0.4)
    lengths, positions = torch.tensor([2, 5]), torch.tensor([1, 3, 6])
    vectors = torch.randn(7, WIDTH, dtype=torch.float64)

    def computed(vectors, accumulator=None):
        torch.manual_seed(SEED)  # the same masks each time
        return transform(
            model, vectors, lengths, positions, accumulator or GradientAccumulator(model.transform_parameters)
        )

    with torch.no_grad():
        hidden, vjp = computed(vectors, accumulator := GradientAccumulator(model.transform_parameters))
        grad_output = torch.randn_like(hidden)
        of_vectors, step = vjp(grad_output), 1e-6
        for place, gradient in [
            (vectors, of_vectors),
            *zip(model.transform_parameters, accumulator.gradients, strict=True),
        ]:
            way = torch.randn_like(place)
            place.add_(way, alpha=step)
            higher = (computed(vectors)[0] * grad_output).sum()
            place.add_(way, alpha=-2 * step)
            lower = (computed(vectors)[0] * grad_output).sum()
            place.add_(way, alpha=step)
            torch.testing.assert_close(
                (gradient * way).sum(), (higher - lower) / (2 * step), rtol=1e-5, atol=1e-7
            )


def test_dropout_drops_its_rate_in_every_place(monkeypatch):
    model = made("post", 2, dropout=0.5)
    drawn = []

    def recorded(*arguments):
        drawn.extend(masks := draw_masks(*arguments))
        return masks

    monkeypatch.setattr("engine.model.cpu.transformer.draw_masks", recorded)
    lengths, positions = torch.full((40,), 9), torch.arange(0, 360, 3)
    with torch.no_grad():
        transform(
            model,
            torch.randn(360, WIDTH).double(),
            lengths,
            positions,
            GradientAccumulator(model.transform_parameters),
        )
    shapes = [*[(360, WIDTH)] * 3, *[(120, WIDTH)] * 2, (80, 9, 9), (80, 3, 9)]
    assert [tuple(mask.shape) for mask in drawn] == shapes
    for mask in drawn:
        assert float((mask == 0).double().mean()) == pytest.approx(0.5, abs=0.08)
        assert set(mask.unique().tolist()) == {0.0, 2.0}


@pytest.mark.usefixtures("any_groups_of_rows")
@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize(
    ("lengths", "positions"),
    [([1], [0]), ([4, 4], [0, 3, 5]), ([2, 2, 7], [0, 3]), ([9] * 4, range(36)), ([3, 5], [])],
)
def test_in_bfloat16_filled_up_rows_change_nothing_of_note(norm, lengths, positions):
    model = made(norm, 2).float()
    lengths, positions = torch.tensor(lengths), torch.tensor(list(positions), dtype=torch.int64)
    vectors = torch.randn(int(lengths.sum()), WIDTH)
    results = []
    grad_output = torch.randn(len(positions), WIDTH)
    for dtype in (torch.float32, torch.bfloat16):
        (accumulator,) = accumulators_for(model.transform_parameters, dtype)
        with torch.no_grad():
            hidden, vjp = transform(model, vectors, lengths, positions, accumulator)
            results.append([hidden, vjp(grad_output), *accumulator.gradients])
    for float32, bf16 in zip(*results, strict=True):
        assert bf16.dtype == torch.float32 and bf16.shape == float32.shape
        assert float((bf16 - float32).norm()) <= 0.15 * float(float32.norm())  # 0.09 at most as measured


@settings(max_examples=50)
@given(st.integers(0, 1 << 20))
def test_counts_are_rounded_up_to_one_of_few_numbers(count):
    found = _rounded_up(count)
    assert found % 32 == 0
    assert count <= found < count + max(32, 1 + count / 8)


def test_as_a_node_of_autograd_it_gives_what_the_plain_model_does():
    model = made("post", 2)
    items, lengths, positions = torch.arange(7), torch.tensor([2, 5]), torch.tensor([1, 3, 6])
    found, expected = encode(model, items, lengths, positions), model.encode(items, lengths, positions)
    torch.testing.assert_close(found, expected)
    grad_output, weights = (
        torch.randn_like(found),
        [model.items.embeddings["item"].weight, *model.transform_parameters],
    )
    ours, theirs = (torch.autograd.grad(hidden, weights, grad_output) for hidden in (found, expected))
    torch.testing.assert_close(ours, theirs)


def test_nothing_is_dropped_in_evaluation():
    model = made("post", 1, dropout=0.5).eval()
    lengths, positions = torch.tensor([2, 5]), torch.tensor([1, 3, 6])
    vectors = torch.randn(7, WIDTH, dtype=torch.float64)
    with torch.no_grad():
        found, _ = transform(
            model, vectors, lengths, positions, GradientAccumulator(model.transform_parameters)
        )
        torch.testing.assert_close(found, model.transform(vectors, lengths, positions))
