"""Cloze masks: their shares, their independence of batch and rank, and at least one target per sequence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.masking import mask_batch

ITEMS = 50
row_lengths = st.lists(st.integers(1, 12), min_size=1, max_size=20)


def masked(lengths, samples=None, *, epoch=0, seed=1, mask_prob=0.2, items=None):
    lengths = np.asarray(lengths)
    items = np.arange(lengths.sum()) % ITEMS if items is None else items
    samples = np.arange(len(lengths)) if samples is None else np.asarray(samples)
    return items, mask_batch(
        items, lengths, samples, epoch=epoch, seed=seed, mask_prob=mask_prob, num_items=ITEMS
    )


@given(row_lengths, st.floats(0.001, 1.0), st.integers(0, 2**62))
def test_every_sequence_has_a_target_and_targets_are_the_masked_items(lengths, mask_prob, seed):
    items, cloze = masked(lengths, mask_prob=mask_prob, seed=seed)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    assert set(rows[cloze.positions]) == set(range(len(lengths)))
    assert (items[cloze.positions] == cloze.targets).all()
    untouched = np.setdiff1d(np.arange(len(items)), cloze.positions)
    assert (cloze.inputs[untouched] == items[untouched]).all()
    assert ((cloze.inputs >= 0) & (cloze.inputs <= ITEMS)).all()


@given(row_lengths, st.data())
def test_the_mask_of_a_sequence_does_not_depend_on_its_batch(lengths, data):
    items, whole = masked(lengths)
    chosen = data.draw(st.integers(0, len(lengths) - 1))
    start = sum(lengths[:chosen])
    alone = masked([lengths[chosen]], [chosen], items=items[start : start + lengths[chosen]])[1]
    assert (alone.inputs == whole.inputs[start : start + lengths[chosen]]).all()


def test_masks_change_with_epoch_seed_and_sample():
    lengths = np.full(200, 20)
    _, first = masked(lengths)
    for other in (masked(lengths, epoch=1), masked(lengths, seed=2), masked(lengths, np.arange(200) + 200)):
        assert not np.array_equal(first.positions, other[1].positions)


def test_shares_are_those_of_the_rule():
    lengths = np.full(5000, 40)
    items, cloze = masked(lengths, mask_prob=0.2)
    became = cloze.inputs[cloze.positions]
    assert len(cloze.positions) / len(items) == pytest.approx(0.2, abs=0.005)
    assert np.mean(became == ITEMS) == pytest.approx(0.8, abs=0.01)
    assert np.mean(became == cloze.targets) == pytest.approx(0.1, abs=0.01)
    swapped = became[(became != ITEMS) & (became != cloze.targets)]
    counts = np.bincount(swapped, minlength=ITEMS)
    assert counts.min() > 0.6 * counts.mean()


def test_two_items_swap_for_each_other():
    lengths = np.full(100, 10)
    items = np.arange(1000) % 2
    cloze = mask_batch(items, lengths, np.arange(100), epoch=0, seed=0, mask_prob=1.0, num_items=2)
    assert set(np.unique(cloze.inputs)) == {0, 1, 2}
