"""Recommends the best unseen items for histories, in one scoring pass over blocks of items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from engine.data.dataset import Dataset, Phase
from engine.data.ragged import rows_and_positions, take_ranges
from engine.evaluation.evaluator import block_size, history_but_target
from engine.evaluation.full_ranking import Excluded, blocks_of
from engine.evaluation.scores import DotScores
from engine.evaluation.top_k import TopK
from engine.serving.padded_bert4rec import PADDING, PlainBERT4Rec


@dataclass(frozen=True, eq=False)
class Histories:
    """Histories of users, one row after another. items: (interactions,) int64; lengths: (rows,) int64, may be 0.

    seen: what must not be recommended.
    """

    items: np.ndarray
    lengths: np.ndarray
    seen: Excluded

    @classmethod
    def of(cls, items: np.ndarray, lengths: np.ndarray) -> Histories:
        """Return histories whose items must not be recommended."""
        return cls(items, lengths, Excluded(rows_and_positions(lengths)[0], items))


def histories_of(dataset: Dataset, users: np.ndarray, as_of: str) -> Histories:
    """Return the histories of users (n,) int64: all interactions for `now`, else what the phase `as_of` knows.

    In a phase the held-out item stays a candidate even if the user has had it before, as in evaluation.
    """
    if as_of == "now":
        starts, ends = dataset.offsets[users], dataset.offsets[users + 1]
        return Histories.of(take_ranges(dataset.items, starts, ends - starts).astype(np.int64), ends - starts)
    phase: Phase = "test" if as_of == "test" else "validate"
    starts, ends = dataset.history_bounds(users, phase)
    items = take_ranges(dataset.items, starts, ends - starts).astype(np.int64)
    return Histories(
        items, ends - starts, history_but_target(dataset, users, _targets(dataset, users, phase), phase)
    )


def _targets(dataset: Dataset, users: np.ndarray, phase: Phase) -> np.ndarray:
    """Return each user's held-out item, (n,) int64, -1 for users who are not evaluated."""
    evaluated = np.isin(users, dataset.evaluated_users(phase))
    targets = np.full(len(users), -1, dtype=np.int64)
    targets[evaluated] = dataset.targets(users[evaluated], phase)
    return targets


def padded(histories: Histories, longest: int) -> np.ndarray:
    """Return the latest items, left-padded with -1: (rows, length), where 1 ≤ length ≤ longest."""
    lengths = histories.lengths
    width = max(1, min(longest, int(lengths.max(initial=0))))
    rows, positions = rows_and_positions(lengths)
    columns = width - lengths[rows] + positions
    filled = np.full((len(lengths), width), PADDING, dtype=np.int64)
    filled[rows[columns >= 0], columns[columns >= 0]] = histories.items[columns >= 0]
    return filled


@torch.inference_mode()
def best_items(
    model: PlainBERT4Rec, histories: Histories, longest: int, k: int, block_mb: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the best items outside each history and their scores, best first: (rows, k) int64 and float32.

    Missing candidates are -1 and -inf. Of equal scores the smaller index comes first. block_mb: memory for scores.
    """
    hidden = model.hidden(torch.from_numpy(padded(histories, longest)))
    scores = DotScores(hidden, model.item_weights, model.output_bias)
    top = TopK(k)
    for first, last in blocks_of(model.num_items, block_size(len(hidden), model.num_items, block_mb)):
        block, seen = scores.block(first, last), histories.seen.within(first, last)
        block[torch.from_numpy(seen.rows), torch.from_numpy(seen.items)] = -torch.inf
        top.add(block, first)
    values, items = top.best(hidden)
    return items.masked_fill(values == -torch.inf, -1).numpy(), values.numpy()
