"""Batches made ahead of the step that uses them."""

import threading

import pytest
import torch

from engine.training.ahead import made_ahead

CPU = torch.device("cpu")


def test_all_batches_come_in_order():
    assert list(made_ahead(iter([3, 1, 2]), CPU)) == [3, 1, 2]
    assert list(made_ahead(iter([]), CPU)) == []


def test_the_next_batch_is_made_while_one_is_in_use():
    second = threading.Event()

    def batches():
        yield 1
        second.set()
        yield 2

    for batch in made_ahead(batches(), CPU):
        assert batch == 2 or second.wait(20), "the second batch waits for the first one's step"


def test_an_error_is_raised_where_its_batch_was_due():
    def batches():
        yield 1
        raise ValueError("torn")

    found = made_ahead(batches(), CPU)
    assert next(found) == 1
    with pytest.raises(ValueError, match="torn"):
        next(found)


def test_leaving_early_ends_the_thread():
    found = made_ahead(iter(range(100)), CPU)
    assert next(found) == 0
    found.close()
    assert not any(thread.name.startswith("batches") for thread in threading.enumerate())
