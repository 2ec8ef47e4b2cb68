"""Batches: ranks together see what one rank would, each sample once per epoch; evaluation rows end in a mask."""

from collections import Counter, defaultdict
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from engine.data.loader import TrainLoader, evaluation_batch
from engine.data.windows import cut_windows
from tests.builders import dataset_of, experiment_of

HISTORIES = [list(range(n)) for n in (3, 5, 9, 2, 30, 1)]


def rows_of(batch):
    """Each sequence of a batch with its targets' places, as comparable values."""
    starts = np.cumsum(batch.lengths.numpy()) - batch.lengths.numpy()
    places = batch.positions.numpy()
    return [
        (
            tuple(batch.items[start : start + length].tolist()),
            tuple(places[(places >= start) & (places < start + length)] - start),
        )
        for start, length in zip(starts, batch.lengths.numpy(), strict=True)
    ]


def loader(world_size=1, rank=0, batch=4, **training):
    config = experiment_of(training={"train_batch_size": batch, "dupe_factor": 3, **training}).training
    return TrainLoader(dataset_of(HISTORIES, 30), 10, config, rank, world_size)


@pytest.mark.parametrize("world_size", [2, 3, 4])
def test_ranks_together_see_the_batches_of_one(world_size):
    one = loader(batch=12)
    ranks = [loader(world_size, rank, 12 // world_size) for rank in range(world_size)]
    assert all(rank.steps == one.steps for rank in ranks)
    for whole, *parts in zip(one.epoch(0), *(rank.epoch(0) for rank in ranks), strict=True):
        together = [row for part in parts if len(part.targets) for row in rows_of(part)]
        assert Counter(together) == Counter(rows_of(whole))


def test_an_epoch_takes_every_window_dupe_factor_times():
    batches = list(loader().epoch(0))
    assert sum(len(batch.lengths) for batch in batches) == loader().samples == 3 * (loader().samples // 3)
    assert len(batches) == loader().steps


def test_each_window_is_masked_dupe_factor_times_with_different_masks():
    dataset, copies = dataset_of(HISTORIES, 30), defaultdict(list)
    for batch in loader().epoch(0):
        unmasked = batch.items.clone()
        unmasked[batch.positions] = batch.targets
        for copy, (window, _) in zip(rows_of(batch), rows_of(replace(batch, items=unmasked)), strict=True):
            copies[window].append(copy)
    cut = cut_windows(dataset, 10)
    windows = Counter(
        tuple(dataset.items[start:end].tolist()) for start, end in zip(cut.starts, cut.ends, strict=True)
    )
    assert {window: len(masked) for window, masked in copies.items()} == {
        window: 3 * count for window, count in windows.items()
    }
    assert all(len(set(masked)) > 1 for window, masked in copies.items() if len(window) == 10)


def test_a_rank_without_samples_still_gets_a_batch_without_targets():
    world_size = loader().samples + 1
    last = list(loader(world_size, world_size - 1, 1).epoch(0))[-1]
    assert len(last.lengths) == 1
    assert len(last.targets) == len(last.positions) == 0


def test_order_and_masks_repeat_with_the_seed_and_change_with_epoch():
    first, again = list(loader().epoch(0)), list(loader().epoch(0))
    assert all((a.items == b.items).all() for a, b in zip(first, again, strict=True))
    assert any(rows_of(a) != rows_of(b) for a, b in zip(first, loader().epoch(1), strict=True))


def test_evaluation_rows_are_the_latest_history_and_a_mask():
    dataset = dataset_of(HISTORIES, 30)
    batch = evaluation_batch(dataset, np.array([0, 2, 4]), "validate", 6)
    rows = [row for row, _ in rows_of(batch)]
    assert rows == [(0, 30), (2, 3, 4, 5, 6, 30), (23, 24, 25, 26, 27, 30)]
    assert batch.items[batch.positions].tolist() == [30, 30, 30]
    later = evaluation_batch(dataset, np.array([0, 4]), "test", 6)
    assert [row for row, _ in rows_of(later)] == [(0, 1, 30), (24, 25, 26, 27, 28, 30)]


@pytest.mark.parametrize("first_step", [0, 1, 3, 1000])
def test_an_epoch_can_begin_at_any_step(first_step):
    whole = [rows_of(batch) for batch in loader().epoch(1)]
    assert [rows_of(batch) for batch in loader().epoch(1, first_step)] == whole[first_step:]


@pytest.mark.parametrize("rank", [0, 2])
def test_batches_made_together_equal_those_made_one_by_one(monkeypatch, rank):
    found = loader(3, rank, 2, loss="sampled", num_negatives=7)
    assert found.together > found.steps > 3
    batches = list(found.epoch(1))
    monkeypatch.setattr("engine.data.loader._TOGETHER", 1)
    alone = loader(3, rank, 2, loss="sampled", num_negatives=7)
    assert alone.together == 1
    for batch, expected in zip(batches, alone.epoch(1), strict=True):
        for part in fields(batch):
            mine, other = getattr(batch, part.name), getattr(expected, part.name)
            assert mine.dtype == other.dtype
            assert torch.equal(mine, other)
