"""The transformer with its gradients written out against the same one differentiated by torch, in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.bert4rec import BERT4Rec
from engine.model.blocks import Ragged
from engine.model.cpu.encoder import encode
from engine.model.cpu.layers import Sums
from engine.model.cpu.transformer import _round, sums_of, transform
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
    return (torch.ones(shape, dtype=torch.bool) if rows.keep is None else rows.keep).nonzero(as_tuple=True)


@pytest.fixture(autouse=True)
def seeded_and_in_float64(monkeypatch):
    """FBGEMM's padding on CPU knows float32 only; test_encode.py is about the real one."""
    torch.manual_seed(SEED)
    monkeypatch.setattr(Ragged, "pad", pad)
    monkeypatch.setattr(Ragged, "unpad", unpad)


@pytest.fixture(params=["few groups", "many groups"])
def any_groups_of_rows(request, monkeypatch):
    if request.param == "many groups":
        monkeypatch.setattr("engine.model.cpu.head_layout._CELLS", 0)
        monkeypatch.setattr("engine.model.cpu.head_layout._WASTE", 1)


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
    above = torch.randn_like(expected)
    gradients = torch.autograd.grad(expected, (vectors, *model.inside), above)
    sums = Sums(model.inside)
    with torch.no_grad():
        for times in (1, 2):  # gradients of parameters add up
            found, back = transform(model, vectors, lengths, positions, sums)
            torch.testing.assert_close(found, expected)
            torch.testing.assert_close(back(above), gradients[0])
            for mine, theirs in zip(sums.gradients, gradients[1:], strict=True):
                torch.testing.assert_close(mine, theirs * times)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_gradients_under_dropout_are_the_slopes_of_what_it_computes(norm):
    model = made(norm, 2, dropout=0.4)
    lengths, positions = torch.tensor([2, 5]), torch.tensor([1, 3, 6])
    vectors = torch.randn(7, WIDTH, dtype=torch.float64)

    def computed(vectors, sums=None):
        torch.manual_seed(SEED)  # the same masks each time
        return transform(model, vectors, lengths, positions, sums or Sums(model.inside))

    with torch.no_grad():
        hidden, back = computed(vectors, sums := Sums(model.inside))
        above = torch.randn_like(hidden)
        of_vectors, step = back(above), 1e-6
        for place, gradient in [(vectors, of_vectors), *zip(model.inside, sums.gradients, strict=True)]:
            way = torch.randn_like(place)
            place.add_(way, alpha=step)
            higher = (computed(vectors)[0] * above).sum()
            place.add_(way, alpha=-2 * step)
            lower = (computed(vectors)[0] * above).sum()
            place.add_(way, alpha=step)
            torch.testing.assert_close(
                (gradient * way).sum(), (higher - lower) / (2 * step), rtol=1e-5, atol=1e-7
            )


def test_dropout_drops_as_much_as_it_says_in_every_place():
    model = made("post", 2, dropout=0.5)
    drawn = []
    draw = model.dropout.masks

    def noted(*asked):
        drawn.extend(made := draw(*asked))
        return made

    model.dropout.masks = noted
    lengths, positions = torch.full((40,), 9), torch.arange(0, 360, 3)
    with torch.no_grad():
        transform(model, torch.randn(360, WIDTH).double(), lengths, positions, Sums(model.inside))
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
def test_in_half_precision_filled_up_rows_change_nothing_of_note(norm, lengths, positions):
    model = made(norm, 2).float()
    lengths, positions = torch.tensor(lengths), torch.tensor(list(positions), dtype=torch.int64)
    vectors = torch.randn(int(lengths.sum()), WIDTH)
    results = []
    above = torch.randn(len(positions), WIDTH)
    for half in (False, True):
        (sums,) = sums_of(model.inside, half)
        with torch.no_grad():
            hidden, back = transform(model, vectors, lengths, positions, sums)
            results.append([hidden, back(above), *sums.gradients])
    for whole, coarse in zip(*results, strict=True):
        assert coarse.dtype == torch.float32 and coarse.shape == whole.shape
        assert float((coarse - whole).norm()) <= 0.15 * float(whole.norm())  # 0.09 at most as measured


@settings(max_examples=50)
@given(st.integers(0, 1 << 20))
def test_counts_are_rounded_up_to_one_of_few_numbers(count):
    found = _round(count)
    assert found % 32 == 0
    assert count <= found < count + max(32, 1 + count / 8)


def test_as_a_node_of_autograd_it_gives_what_the_plain_model_does():
    model = made("post", 2)
    items, lengths, positions = torch.arange(7), torch.tensor([2, 5]), torch.tensor([1, 3, 6])
    found, expected = encode(model, items, lengths, positions), model.encode(items, lengths, positions)
    torch.testing.assert_close(found, expected)
    above, weights = torch.randn_like(found), [model.items.embeddings["item"].weight, *model.inside]
    ours, theirs = (torch.autograd.grad(hidden, weights, above) for hidden in (found, expected))
    torch.testing.assert_close(ours, theirs)


def test_nothing_is_dropped_in_evaluation():
    model = made("post", 1, dropout=0.5).eval()
    lengths, positions = torch.tensor([2, 5]), torch.tensor([1, 3, 6])
    vectors = torch.randn(7, WIDTH, dtype=torch.float64)
    with torch.no_grad():
        found, _ = transform(model, vectors, lengths, positions, Sums(model.inside))
        torch.testing.assert_close(found, model.transform(vectors, lengths, positions))
