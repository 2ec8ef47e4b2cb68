"""Training windows: they cover every training item, never a held-out one, and slide as documented."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.data.windows import cut_windows
from tests.builders import dataset_of


def windows_by_hand(dataset, max_len):
    """The rule once more, in plain Python."""
    found = []
    for first, last in zip(dataset.offsets[:-1], dataset.train_ends(), strict=True):
        end = last
        while last > first:
            start = max(first, end - max_len)
            found.append((start, max(end, min(first + max_len, last))))
            if start == first:
                break
            end -= max(1, max_len // 10)
    return found


@given(st.lists(st.integers(1, 60), min_size=1, max_size=8), st.integers(2, 40))
def test_windows_follow_the_rule(lengths, max_len):
    dataset = dataset_of([[0] * length for length in lengths], 1)
    windows = cut_windows(dataset, max_len)
    assert list(zip(windows.starts, windows.ends, strict=True)) == windows_by_hand(dataset, max_len)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=8), st.integers(2, 40))
def test_windows_cover_exactly_the_training_part(lengths, max_len):
    dataset = dataset_of([[0] * length for length in lengths], 1)
    windows = cut_windows(dataset, max_len)
    covered = np.zeros(dataset.num_interactions, bool)
    for start, end in zip(windows.starts, windows.ends, strict=True):
        assert 0 < end - start <= max_len
        covered[start:end] = True
    expected = np.zeros(dataset.num_interactions, bool)
    for first, last in zip(dataset.offsets[:-1], dataset.train_ends(), strict=True):
        expected[first:last] = True
    assert (covered == expected).all()
