"""Batches cut into chunks of about the same work, and assigned to threads."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.model.cpu.chunks import ATTENTION_DOUBLES, assign_chunks, split_batch
from tests.engine.model.batches import batches, ragged_batch


def work_of(lengths):
    each = np.asarray(lengths, dtype=np.float64)
    return each * (1 + each / ATTENTION_DOUBLES)


def check_is_the_batch(chunks, batch):
    assert torch.equal(torch.cat([chunk.lengths for chunk in chunks]), batch.lengths)
    found = [chunk.positions + chunk.tokens.start for chunk in chunks]
    assert torch.equal(torch.cat(found), batch.positions)
    for chunk in chunks:
        assert chunk.tokens.stop - chunk.tokens.start == int(chunk.lengths.sum()) > 0
        assert chunk.targets.stop - chunk.targets.start == len(chunk.positions)
    for part in ("tokens", "targets"):
        slices = [getattr(chunk, part) for chunk in chunks]
        assert [each.start for each in slices] == [0, *(each.stop for each in slices[:-1])]


@given(batches(), st.integers(1, 12))
def test_chunks_are_the_batch_cut_between_sequences(batch, count):
    chunks = list(split_batch(batch.lengths, batch.positions, count))
    check_is_the_batch(chunks, batch)
    assert 1 <= len(chunks) <= count


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=60), st.integers(1, 16))
def test_no_chunk_has_more_than_its_share_of_the_work_and_one_sequence(lengths, count):
    chunks = split_batch(torch.tensor(lengths), torch.empty(0, dtype=torch.int64), count)
    work = work_of(lengths)
    most = work.sum() / count + work.max()
    assert all(work_of(chunk.lengths).sum() <= most * (1 + 1e-9) for chunk in chunks)


def test_even_sequences_are_cut_evenly():
    chunks = split_batch(torch.full((12,), 50), torch.empty(0, dtype=torch.int64), 4)
    assert [len(chunk.lengths) for chunk in chunks] == [3, 3, 3, 3]


def test_long_sequences_count_for_more_than_their_tokens():
    lengths = torch.tensor([2048, *[64] * 96])  # 10,240 and 6,912 tokens' work
    first, second = split_batch(lengths, torch.empty(0, dtype=torch.int64), 2)
    assert len(first.lengths) == 1 and len(second.lengths) == 96


@pytest.mark.usefixtures("restored_threads")
@pytest.mark.parametrize(
    ("threads", "least", "workers", "each"),
    [(1, 4, 1, 4), (2, 4, 2, 2), (3, 4, 3, 1), (8, 16, 4, 1), (8, 99, 1, 4)],
)
def test_each_thread_has_as_many_chunks_unless_they_would_be_too_small(
    monkeypatch, threads, least, workers, each
):
    monkeypatch.setattr("engine.contract.kernel_sizes.CHUNK_TOKENS", 16)
    monkeypatch.setattr("engine.contract.kernel_sizes.MIN_CHUNK_TOKENS", least)
    batch = ragged_batch()  # of 64 tokens

    def assigned():
        torch.set_num_threads(threads)
        torch.manual_seed(3)
        return assign_chunks(batch.lengths, batch.positions)

    found = assigned()
    assert [len(worker) for worker in found] == [each] * workers
    in_order = sorted((one for worker in found for one in worker), key=lambda one: one[0].tokens.start)
    check_is_the_batch([chunk for chunk, _ in in_order], batch)
    seeds = [generator.initial_seed() for worker in found for _, generator in worker]
    assert len(set(seeds)) == workers * each
    assert seeds == [generator.initial_seed() for worker in assigned() for _, generator in worker]


@pytest.mark.parametrize(("tokens", "chunks"), [(1, 9), (16, 4), (32, 2), (64, 1), (1000, 1)])
@pytest.mark.usefixtures("restored_threads")
def test_a_chunk_has_about_as_many_tokens_as_it_should(monkeypatch, tokens, chunks):
    torch.set_num_threads(1)
    monkeypatch.setattr("engine.contract.kernel_sizes.CHUNK_TOKENS", tokens)
    batch = ragged_batch()
    assert sum(map(len, assign_chunks(batch.lengths, batch.positions))) == chunks


def test_another_seed_draws_otherwise_in_every_chunk(monkeypatch):
    monkeypatch.setattr("engine.contract.kernel_sizes.CHUNK_TOKENS", 16)
    batch = ragged_batch()
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        workers = assign_chunks(batch.lengths, batch.positions)
        found.append({generator.initial_seed() for worker in workers for _, generator in worker})
    assert not found[0] & found[1]
