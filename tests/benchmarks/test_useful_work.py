"""The formula of useful work agrees with torch's counter, and its means over masks with drawn masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.useful_work import Work, expected_work, flops
from engine.data.masking import mask_batch

HEADS = 2


def attend(queries: Tensor, keys: Tensor, weights: dict[str, Tensor]) -> Tensor:
    """Apply attention and feed-forward to the positions `queries`, products only."""
    query = queries @ weights["query"]
    key, value = keys @ weights["key"], keys @ weights["value"]
    query, key, value = (t.unflatten(-1, (HEADS, -1)).transpose(1, 2) for t in (query, key, value))
    mixed = (query @ key.transpose(-1, -2)).softmax(-1) @ value
    out = queries + mixed.transpose(1, 2).flatten(2) @ weights["out"]
    return out + (out @ weights["widen"]).relu() @ weights["narrow"]


def torch_count(sequences: int, length: int, masked: int, num_items: int, width: int, layers: int) -> int:
    """Return torch's count for a step over sequences of equal length, each with `masked` masked positions."""

    def matrix(rows: int, columns: int) -> Tensor:
        return torch.randn(rows, columns, requires_grad=True)

    square = ("query", "key", "value", "out")
    blocks = [
        {name: matrix(width, width) for name in square}
        | {"widen": matrix(width, 4 * width), "narrow": matrix(4 * width, width)}
        for _ in range(layers)
    ]
    tokens = torch.randn(sequences, length, width, requires_grad=True)  # in place of embeddings
    head, output = matrix(width, width), matrix(width, num_items)
    with FlopCounterMode(display=False) as counter:
        hidden = tokens
        for weights in blocks[:-1]:
            hidden = attend(hidden, hidden, weights)
        hidden = attend(hidden[:, :masked], hidden, blocks[-1])
        (hidden @ head @ output).logsumexp(-1).sum().backward()
    return counter.get_total_flops()


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_formula_agrees_with_torchs_counter_on_a_small_model(layers: int) -> None:
    sequences, length, masked, num_items, width = 3, 7, 2, 11, 8
    work = Work(sequences * length, sequences * length**2, sequences * masked, sequences * length * masked)
    assert flops(work, num_items, width, layers) == torch_count(
        sequences, length, masked, num_items, width, layers
    )


def test_expected_work_is_the_mean_over_drawn_masks() -> None:
    lengths = np.array([1, 2, 5, 9])
    draws = 4000
    repeated = np.tile(lengths, draws)
    cloze = mask_batch(
        np.zeros(repeated.sum(), np.int64),
        repeated,
        np.arange(len(repeated)),
        epoch=0,
        seed=3,
        mask_prob=0.2,
        num_items=10,
    )
    rows = np.repeat(np.arange(len(repeated)), repeated)[cloze.positions]
    attended = repeated[rows].sum()
    work = expected_work(lengths, 0.2)
    assert work.masked == pytest.approx(len(cloze.positions) / len(repeated), rel=0.02)
    assert work.attended == pytest.approx(attended / len(repeated), rel=0.02)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=20), st.floats(0.05, 1.0))
def test_work_increases_with_every_part_of_the_model(lengths: list[int], mask_prob: float) -> None:
    work = expected_work(np.array(lengths), mask_prob)
    assert work.tokens == pytest.approx(np.mean(lengths))
    assert 0 < work.masked <= work.tokens + 1e-9
    small = flops(work, 10, 8, 2)
    assert small < flops(work, 11, 8, 2) < flops(work, 11, 16, 2) < flops(work, 11, 16, 3)
