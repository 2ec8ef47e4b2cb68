"""Cloze masks, drawn with vectorised code for one batch at a time and never stored.

A mask depends on (seed, epoch, index of the sample in the epoch, position) alone: it is equal on every rank and for
every batch size, and changes every epoch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.data.counter_rng import hashed, uniforms
from engine.data.ragged import row_starts, rows_and_positions

# shares of the targets; the rest is not replaced (Devlin et al. 2019, section 3.1)
MASK_SHARE, RANDOM_SHARE = 0.8, 0.1


@dataclass(frozen=True)
class Cloze:
    """A masked batch. inputs: (tokens,) int64; positions: (targets,) int64 into inputs; targets: item indices."""

    inputs: np.ndarray
    positions: np.ndarray
    targets: np.ndarray


def mask_batch(
    items: np.ndarray,
    lengths: np.ndarray,
    samples: np.ndarray,
    *,
    epoch: int,
    seed: int,
    mask_prob: float,
    num_items: int,
) -> Cloze:
    """Mask sequences given one after another in `items`, each with at least one item.

    items: (tokens,) item indices; lengths, samples: (sequences,). Each item is a target with probability
    mask_prob; a sequence that would have none gets the item with the lowest draw. Of the targets 80 % become the mask
    token (index num_items), 10 % another item drawn uniformly, 10 % stay.
    """
    rows, positions = rows_and_positions(lengths)
    keys = (epoch, samples[rows], positions)
    chance = uniforms(seed, "mask", *keys)
    lowest = np.minimum.reduceat(chance, row_starts(lengths)) if len(chance) else chance
    chosen = np.flatnonzero((chance < mask_prob) | (chance == lowest[rows]))
    keys = (epoch, samples[rows[chosen]], positions[chosen])
    inputs, targets = items.astype(np.int64), items[chosen].astype(np.int64)
    inputs[chosen] = _replacements(targets, keys, seed, num_items)
    return Cloze(inputs, chosen, targets)


def _replacements(targets: np.ndarray, keys: tuple, seed: int, num_items: int) -> np.ndarray:
    """Return the input tokens that replace the targets."""
    kind = uniforms(seed, "replace", *keys)
    shift = hashed(seed, "other item", *keys) % np.uint64(max(num_items - 1, 1))
    other = (targets + 1 + shift.astype(np.int64)) % num_items
    return np.where(kind < MASK_SHARE, num_items, np.where(kind < MASK_SHARE + RANDOM_SHARE, other, targets))
