"""Batches prepared ahead of the step that uses them."""

import threading

import pytest
import torch

from engine.training.prefetch import prefetched

CPU = torch.device("cpu")


@pytest.mark.parametrize("together", [1, 2, 3, 10])
def test_all_batches_come_in_order(together):
    assert list(prefetched(iter([3, 1, 2]), CPU, together)) == [3, 1, 2]
    assert list(prefetched(iter([]), CPU, together)) == []


def test_batches_prepared_together_are_ready_before_the_first_is_yielded():
    made = []
    found = prefetched((made.append(n) or n for n in range(6)), CPU, together=3)
    assert next(found) == 0
    assert made[:3] == [0, 1, 2]
    assert list(found) == [1, 2, 3, 4, 5]


def test_the_next_batch_is_prepared_while_one_is_in_use():
    second = threading.Event()

    def batches():
        yield 1
        second.set()
        yield 2

    for batch in prefetched(batches(), CPU):
        assert batch == 2 or second.wait(20), "the second batch waits for the first one's step"


def test_an_error_is_raised_where_its_batch_was_due():
    def batches():
        yield 1
        raise ValueError("torn")

    found = prefetched(batches(), CPU)
    assert next(found) == 1
    with pytest.raises(ValueError, match="torn"):
        next(found)


def test_leaving_early_ends_the_thread():
    found = prefetched(iter(range(100)), CPU)
    assert next(found) == 0
    found.close()
    assert not any(thread.name.startswith("batches") for thread in threading.enumerate())
