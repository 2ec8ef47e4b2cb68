"""Prepares the data set of an experiment: read, filter, index, order, split; the result is cached."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from engine.contract.config.data import DataConfig
from engine.contract.errors import B4RError
from engine.data import cache, fingerprint
from engine.data.dataset import Dataset, FunnelStep
from engine.data.filters import filter_rows
from engine.data.ids import compact, encode
from engine.data.readers import READERS, Reader
from engine.data.readers.interface import dropped, read_before_drops
from engine.data.split import in_time_order, split_rows, user_offsets

log = logging.getLogger(__name__)


def load_dataset(config: DataConfig, cache_root: Path | None = None) -> Dataset:
    """Return the data set that `config` describes, from the cache if it was prepared before.

    cache_root: default $B4R_CACHE or the user's cache folder. Safe to call from many processes at once.
    Raises B4RError with a sentence that names the file and line, or the settings, at fault.
    """
    reader = READERS[config.dataset_name]
    data_fingerprint = reader.fingerprint(config)
    split_fingerprint = fingerprint.of_split(data_fingerprint, config)
    return cache.cached(
        cache_root or cache.default_root(),
        split_fingerprint[:32],
        lambda: _prepare(config, reader, data_fingerprint, split_fingerprint),
    )


def load_ratings(config: DataConfig) -> np.ndarray:
    """Return the rating of each interaction, in the order of `Dataset.items`, NaN for none: (interactions,) float64.

    The cache has no ratings, since training needs none; the source is read again. Raises B4RError.
    """
    return _ordered(READERS[config.dataset_name].read(config), config).ratings


@dataclass(frozen=True, eq=False)
class _Interactions:
    """The interactions left by the filters, sorted by user, time and position in the file."""

    items: np.ndarray
    offsets: np.ndarray
    timestamps: np.ndarray
    ratings: np.ndarray
    user_ids: np.ndarray
    item_ids: np.ndarray
    funnel: tuple[FunnelStep, ...]


def _prepare(config: DataConfig, reader: Reader, data_fingerprint: str, split_fingerprint: str) -> Dataset:
    frame = reader.read(config)
    for reason, count in dropped(frame).items():
        log.warning("%s: dropped %d rows %s", config.dataset_name, count, reason)
    ordered = _ordered(frame, config)
    split = split_rows(ordered.offsets, ordered.timestamps, config)
    return Dataset(
        name=config.dataset_name,
        items=ordered.items.astype(np.int32),
        offsets=ordered.offsets,
        validation_starts=split.validation_starts,
        test_starts=split.test_starts,
        user_ids=ordered.user_ids.astype(np.str_),
        item_ids=ordered.item_ids.astype(np.str_),
        data_fingerprint=data_fingerprint,
        split_fingerprint=split_fingerprint,
        funnel=ordered.funnel,
    )


def _ordered(frame: pd.DataFrame, config: DataConfig) -> _Interactions:
    """Filter, index and order the rows of a reader; the frame's columns are removed to save memory."""
    timestamps, read = _times(frame, config), read_before_drops(frame)
    ratings = frame.pop("rating").to_numpy()
    users, user_ids = encode(frame.pop("user"))
    items, item_ids = encode(frame.pop("item"))
    rows, funnel = filter_rows(users, items, ratings, config, read)
    users, user_ids = compact(users[rows], user_ids)
    items, item_ids = compact(items[rows], item_ids)
    timestamps = timestamps[rows]
    order = in_time_order(users, timestamps)
    offsets = user_offsets(users, len(user_ids))
    ratings = ratings[rows][order].astype(np.float64)
    return _Interactions(items[order], offsets, timestamps[order], ratings, user_ids, item_ids, funnel)


def _times(frame: pd.DataFrame, config: DataConfig) -> np.ndarray:
    """Return the times, or the row numbers if the source has only an order: (rows,) integers."""
    if "timestamp" in frame:
        return frame.pop("timestamp").to_numpy()
    if config.split == "temporal":
        raise B4RError(
            f"{config.dataset_name} has no timestamps, which a temporal split needs; set data.split to leave-two-out"
        )
    return np.arange(len(frame))
