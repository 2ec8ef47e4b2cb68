"""Loss and gradients made piece by piece against those of the whole batch at once."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.data.loader import Batch
from engine.model.bert4rec import BERT4Rec
from engine.model.full_softmax import full_softmax_by_pieces
from engine.model.losses.full import full_softmax
from engine.model.pieces import cut
from engine.model.room import Room
from tests.builders import experiment_of

ITEMS = 30


def batch_of(lengths, chosen):
    """A batch of sequences of these lengths, with the tokens where `chosen` is True as targets."""
    generator = torch.Generator().manual_seed(len(lengths))
    items = torch.randint(0, ITEMS + 1, (sum(lengths),), generator=generator)
    positions = torch.from_numpy(np.flatnonzero(chosen))
    targets = torch.randint(0, ITEMS, (len(positions),), generator=generator)
    return Batch(items, torch.tensor(lengths), positions, targets)


@st.composite
def batches(draw):
    lengths = draw(st.lists(st.integers(1, 12), min_size=1, max_size=9))
    return batch_of(lengths, draw(st.lists(st.booleans(), min_size=sum(lengths), max_size=sum(lengths))))


@given(batches(), st.integers(1, 40))
def test_pieces_are_the_batch_cut_between_sequences(batch, tokens):
    pieces = list(cut(batch.lengths, batch.positions, tokens))
    assert torch.equal(torch.cat([piece.lengths for piece in pieces]), batch.lengths)
    found = [piece.positions + piece.tokens.start for piece in pieces]
    assert torch.equal(torch.cat(found), batch.positions)
    for piece in pieces:
        assert piece.tokens.stop - piece.tokens.start == int(piece.lengths.sum())
        assert piece.targets.stop - piece.targets.start == len(piece.positions)
        assert len(piece.lengths) == 1 or int(piece.lengths[:-1].sum()) < tokens


@pytest.mark.parametrize("tied", [False, True])
def test_any_number_of_pieces_gives_the_loss_and_gradients_of_the_whole(monkeypatch, tied):
    model = BERT4Rec(ITEMS, experiment_of(model={"dropout": 0.0, "tie_output": tied}).model, seed=1)
    lengths = [1, 2, 2, 5, 8, 8, 12]
    batch = batch_of(lengths, np.random.default_rng(0).random(sum(lengths)) < 0.4)

    def gradients(loss):
        found = torch.autograd.grad(loss, list(model.parameters()))
        return dict(zip([name for name, _ in model.named_parameters()], found, strict=True))

    hidden = model.encode(batch.items, batch.lengths, batch.positions)
    whole = full_softmax(hidden, batch.targets, model.item_weights, model.output_bias)
    expected = gradients(whole)
    for tokens in (1, 9, 1000):
        monkeypatch.setattr("engine.model.pieces.TOKENS", tokens)
        loss = full_softmax_by_pieces(model, batch, weight=1.0, half=False, room=Room())
        torch.testing.assert_close(loss, whole)
        for name, gradient in gradients(loss).items():
            torch.testing.assert_close(gradient, expected[name], atol=1e-5, rtol=1e-4, msg=name)


def test_a_batch_without_targets_has_no_loss_and_no_gradient():
    model = BERT4Rec(ITEMS, experiment_of(model={"dropout": 0.1}).model, seed=1).train()
    loss = full_softmax_by_pieces(model, batch_of([3, 4], [False] * 7), weight=1.0, half=False, room=Room())
    assert float(loss.detach()) == 0.0
    assert all(not gradient.any() for gradient in torch.autograd.grad(loss, list(model.parameters())))
