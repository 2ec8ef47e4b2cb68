"""Batches that tests of the training path on CPU build by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from hypothesis import strategies as st

from engine.data.loader import Batch
from engine.model.bert4rec import BERT4Rec
from tests.builders import experiment_of

ITEMS = 30


def model_of(seed: int = 1, **settings: object) -> BERT4Rec:
    """A small model in training, with biases and norms away from their initial zeros and ones."""
    model = BERT4Rec(ITEMS, experiment_of(model={"dropout": 0.0, **settings}).model, seed).train()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
    return model


def batch_of(lengths: Sequence[int], chosen: Sequence[bool] | np.ndarray) -> Batch:
    """A batch of sequences of these lengths, with the tokens where `chosen` is True as targets."""
    generator = torch.Generator().manual_seed(len(lengths))
    items = torch.randint(0, ITEMS + 1, (sum(lengths),), generator=generator)
    positions = torch.from_numpy(np.flatnonzero(chosen))
    targets = torch.randint(0, ITEMS, (len(positions),), generator=generator)
    return Batch(items, torch.tensor(lengths), positions, targets)


def ragged_batch() -> Batch:
    """A batch with short and long sequences and a target in four tokens of ten."""
    lengths = [1, 2, 2, 5, 8, 8, 12, 3, 11, 12]
    return batch_of(lengths, np.random.default_rng(0).random(sum(lengths)) < 0.4)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """Any small batch, those without targets too."""
    lengths = draw(st.lists(st.integers(1, 12), min_size=1, max_size=9))
    return batch_of(lengths, draw(st.lists(st.booleans(), min_size=sum(lengths), max_size=sum(lengths))))
