"""Batches cut into pieces of about the same work, and dealt to threads."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.model.cpu.chunks import ATTENTION_DOUBLES, cut, deal
from tests.engine.model.batches import batches, ragged_batch


def work_of(lengths):
    each = np.asarray(lengths, dtype=np.float64)
    return each * (1 + each / ATTENTION_DOUBLES)


def check_is_the_batch(pieces, batch):
    assert torch.equal(torch.cat([piece.lengths for piece in pieces]), batch.lengths)
    found = [piece.positions + piece.tokens.start for piece in pieces]
    assert torch.equal(torch.cat(found), batch.positions)
    for piece in pieces:
        assert piece.tokens.stop - piece.tokens.start == int(piece.lengths.sum()) > 0
        assert piece.targets.stop - piece.targets.start == len(piece.positions)
    for part in ("tokens", "targets"):
        slices = [getattr(piece, part) for piece in pieces]
        assert [each.start for each in slices] == [0, *(each.stop for each in slices[:-1])]


@given(batches(), st.integers(1, 12))
def test_pieces_are_the_batch_cut_between_sequences(batch, count):
    pieces = list(cut(batch.lengths, batch.positions, count))
    check_is_the_batch(pieces, batch)
    assert 1 <= len(pieces) <= count


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=60), st.integers(1, 16))
def test_no_piece_has_more_than_its_share_of_the_work_and_one_sequence(lengths, count):
    pieces = cut(torch.tensor(lengths), torch.empty(0, dtype=torch.int64), count)
    work = work_of(lengths)
    most = work.sum() / count + work.max()
    assert all(work_of(piece.lengths).sum() <= most * (1 + 1e-9) for piece in pieces)


def test_even_sequences_are_cut_evenly():
    pieces = cut(torch.full((12,), 50), torch.empty(0, dtype=torch.int64), 4)
    assert [len(piece.lengths) for piece in pieces] == [3, 3, 3, 3]


def test_long_sequences_count_for_more_than_their_tokens():
    lengths = torch.tensor([2048, *[64] * 96])  # 10,240 and 6,912 tokens' work
    first, second = cut(lengths, torch.empty(0, dtype=torch.int64), 2)
    assert len(first.lengths) == 1 and len(second.lengths) == 96


@pytest.mark.usefixtures("threads_are_put_back")
@pytest.mark.parametrize(
    ("threads", "least", "hands", "each"),
    [(1, 4, 1, 4), (2, 4, 2, 2), (3, 4, 3, 1), (8, 16, 4, 1), (8, 99, 1, 4)],
)
def test_each_thread_has_as_many_pieces_unless_they_would_be_too_small(
    monkeypatch, threads, least, hands, each
):
    monkeypatch.setattr("engine.model.cpu.chunks.TOKENS", 16)
    monkeypatch.setattr("engine.model.cpu.chunks.LEAST_TOKENS", least)
    batch = ragged_batch()  # of 64 tokens

    def dealt():
        torch.set_num_threads(threads)
        torch.manual_seed(3)
        return deal(batch.lengths, batch.positions)

    found = dealt()
    assert [len(hand) for hand in found] == [each] * hands
    in_order = sorted((one for hand in found for one in hand), key=lambda one: one[0].tokens.start)
    check_is_the_batch([piece for piece, _ in in_order], batch)
    seeds = [generator.initial_seed() for hand in found for _, generator in hand]
    assert len(set(seeds)) == hands * each
    assert seeds == [generator.initial_seed() for hand in dealt() for _, generator in hand]


@pytest.mark.parametrize(("tokens", "pieces"), [(1, 9), (16, 4), (32, 2), (64, 1), (1000, 1)])
@pytest.mark.usefixtures("threads_are_put_back")
def test_a_piece_has_about_as_many_tokens_as_it_should(monkeypatch, tokens, pieces):
    torch.set_num_threads(1)
    monkeypatch.setattr("engine.model.cpu.chunks.TOKENS", tokens)
    batch = ragged_batch()
    assert sum(map(len, deal(batch.lengths, batch.positions))) == pieces


def test_another_seed_draws_otherwise_in_every_piece(monkeypatch):
    monkeypatch.setattr("engine.model.cpu.chunks.TOKENS", 16)
    batch = ragged_batch()
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        hands = deal(batch.lengths, batch.positions)
        found.append({generator.initial_seed() for hand in hands for _, generator in hand})
    assert not found[0] & found[1]
