"""The best unseen items after histories: one scoring pass, a block of items at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from engine.data.dataset import Dataset, Phase
from engine.data.ragged import rows_and_positions, take_ranges
from engine.evaluation.evaluator import block_size, history_but_target
from engine.evaluation.full_ranking import Excluded, blocks_of
from engine.evaluation.scores import DotScores
from engine.evaluation.top_k import TopItems
from engine.serving.padded_bert4rec import PADDING, PlainBERT4Rec


@dataclass(frozen=True, eq=False)
class Histories:
    """What users have had, one row after another. items: (interactions,) int64; lengths: (rows,) int64, from 0.

    seen: what may not be recommended.
    """

    items: np.ndarray
    lengths: np.ndarray
    seen: Excluded

    @classmethod
    def of(cls, items: np.ndarray, lengths: np.ndarray) -> Histories:
        """Nothing of them may be recommended."""
        return cls(items, lengths, Excluded(rows_and_positions(lengths)[0], items))


def histories_of(dataset: Dataset, users: np.ndarray, as_of: str) -> Histories:
    """Of users (n,) int64: all their interactions for `now`, else what the phase `as_of` knows.

    In a phase an item that comes back stays a candidate if it is the one to find, as in evaluation.
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
    """(n,) int64: what each user has to find, -1 for those who have nothing to."""
    evaluated = np.isin(users, dataset.evaluated_users(phase))
    targets = np.full(len(users), -1, dtype=np.int64)
    targets[evaluated] = dataset.targets(users[evaluated], phase)
    return targets


def padded(histories: Histories, longest: int) -> np.ndarray:
    """The latest items as the model takes them, filled up with -1 at the left: (rows, at most longest, from 1)."""
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
    """Items and their scores, best first, none of them in its history: (rows, k) int64 and float32.

    Fewer candidates leave -1 and -inf. Of equal scores the smaller index comes first. block_mb: memory for scores.
    """
    hidden = model.hidden(torch.from_numpy(padded(histories, longest)))
    scores = DotScores(hidden, model.item_weights, model.output_bias)
    top = TopItems(k)
    for first, last in blocks_of(model.num_items, block_size(len(hidden), model.num_items, block_mb)):
        found, out = scores.block(first, last), histories.seen.within(first, last)
        found[torch.from_numpy(out.rows), torch.from_numpy(out.items)] = -torch.inf
        top.add(found, first)
    values, items = top.best(hidden)
    return items.masked_fill(values == -torch.inf, -1).numpy(), values.numpy()
