"""`synthetic`: users follow a hidden sparse Markov chain over items, so that there is something to learn.

Each item has a few successors with fixed probabilities. A walk starts, and now and then restarts, at an item drawn
by popularity (Zipf), else it moves to a successor; it prefers items that the user has not had.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.contract.config.data import DataConfig
from engine.data.counter_rng import hashed, uniforms
from engine.data.readers.generated import Generated

SUCCESSOR_PROBABILITIES = (0.6, 0.2, 0.12, 0.08)
RESTART_PROBABILITY = 0.1
ZIPF_EXPONENT = 1.0
_ATTEMPTS = 8  # draws for an item that the user has not had, before a repeat is accepted
_CHUNK_CELLS = 1 << 26  # users × items whose visits are stored at a time: 64 MiB


@dataclass(frozen=True)
class Chain:
    """A Markov chain. successors: (items, 4) int64. popular: (items,) int64, items by descending popularity.

    popularity_ends: (items,) float64, the cumulative Zipf probabilities of `popular`.
    """

    successors: np.ndarray
    popular: np.ndarray
    popularity_ends: np.ndarray

    def restart(self, chance: np.ndarray) -> np.ndarray:
        """Draw items by popularity; chance is uniform in [0, 1)."""
        places = np.searchsorted(self.popularity_ends, chance, side="right")
        return self.popular[np.minimum(places, len(self.popular) - 1)]

    def follow(self, items: np.ndarray, chance: np.ndarray) -> np.ndarray:
        """Draw a successor of each item; chance is uniform in [0, 1)."""
        choice = np.searchsorted(np.cumsum(SUCCESSOR_PROBABILITIES[:-1]), chance, side="right")
        return self.successors[items, choice]


def plant_chain(num_items: int, seed: int) -> Chain:
    """Draw a chain whose first successors form one ring through all items; others are drawn by popularity."""
    items = np.arange(num_items)
    popular = np.argsort(hashed(seed, "synthetic popularity", items), kind="stable")
    weights = 1.0 / (1.0 + items) ** ZIPF_EXPONENT
    chain = Chain(
        np.empty((num_items, len(SUCCESSOR_PROBABILITIES)), np.int64),
        popular,
        weights.cumsum() / weights.sum(),
    )
    ring = np.argsort(hashed(seed, "synthetic ring", items), kind="stable")
    chain.successors[ring, 0] = np.roll(ring, -1)
    places = np.arange(1, len(SUCCESSOR_PROBABILITIES))
    chain.successors[:, 1:] = chain.restart(uniforms(seed, "synthetic successors", items[:, None], places))
    return chain


def draw_synthetic(config: DataConfig) -> pd.DataFrame:
    """Draw `random_size` rows, user after user, rating 5, ids from 1; without times, as users have no common clock."""
    lengths = _walk_lengths(config)
    chain = plant_chain(config.random_item_count, config.seed)
    chunk = max(1, _CHUNK_CELLS // config.random_item_count)
    users = np.arange(config.random_user_count)
    walks = [
        _walk(chain, users[start : start + chunk], lengths[start : start + chunk], config.seed)
        for start in range(0, len(users), chunk)
    ]
    return pd.DataFrame(
        {
            "user": np.repeat(users + 1, lengths),
            "item": np.concatenate(walks) + 1,
            "rating": 5.0,
        }
    )


def _walk_lengths(config: DataConfig) -> np.ndarray:
    """Draw lengths that sum to `random_size`, uniform between 0.5 and 1.5 of the mean: (users,) int64."""
    shares = 0.5 + uniforms(config.seed, "synthetic lengths", np.arange(config.random_user_count))
    ends = np.rint(np.cumsum(shares) / shares.sum() * config.random_size).astype(np.int64)
    return np.diff(ends, prepend=0)


def _walk(chain: Chain, users: np.ndarray, lengths: np.ndarray, seed: int) -> np.ndarray:
    """Return the items of the users' walks, one user after another: (sum of lengths,) int64."""
    steps = int(lengths.max())
    walks = np.zeros((len(users), steps), dtype=np.int64)
    visited = np.zeros((len(users), len(chain.popular)), dtype=bool)
    everyone = np.arange(len(users))
    for step in range(steps):
        here = walks[:, step - 1] if step else None
        walks[:, step] = _next_items(chain, here, users, step, visited, seed)
        visited[everyone, walks[:, step]] = True
    return walks[np.arange(steps) < lengths[:, None]]


def _next_items(
    chain: Chain, here: np.ndarray | None, users: np.ndarray, step: int, visited: np.ndarray, seed: int
) -> np.ndarray:
    """Return the next item of each walk, (users,) int64: the first draw new to its user, or the last draw."""
    items = np.zeros(len(users), dtype=np.int64)
    waiting = np.arange(len(users))
    for attempt in range(_ATTEMPTS):
        chance = uniforms(seed, "synthetic steps", users[waiting], step, attempt)
        drawn = chain.restart(chance)
        if here is not None:
            branch = uniforms(seed, "synthetic restarts", users[waiting], step, attempt)
            drawn = np.where(branch < RESTART_PROBABILITY, drawn, chain.follow(here[waiting], chance))
        items[waiting] = drawn
        waiting = waiting[visited[waiting, drawn]]
    return items


SYNTHETIC = Generated(draw_synthetic, version=1)
