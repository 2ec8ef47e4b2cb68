"""`random`: users and items drawn uniformly, with nothing to learn; for speed and smoke tests."""

from __future__ import annotations

import numpy as np
import pandas as pd

from engine.contract.config.data import DataConfig
from engine.data.counter_rng import hashed
from engine.data.readers.generated import Generated


def draw_random(config: DataConfig) -> pd.DataFrame:
    """Draw `random_size` rows: ratings are 5, timestamps the row numbers, ids count from 1."""
    rows = np.arange(config.random_size)
    return pd.DataFrame(
        {
            "user": _draw(config, "random users", rows, config.random_user_count),
            "item": _draw(config, "random items", rows, config.random_item_count),
            "rating": 5.0,
            "timestamp": rows,
        }
    )


def _draw(config: DataConfig, purpose: str, rows: np.ndarray, count: int) -> np.ndarray:
    return (hashed(config.seed, purpose, rows) % np.uint64(count)).astype(np.int64) + 1


RANDOM = Generated(draw_random, version=1)
