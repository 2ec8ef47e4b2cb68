"""From settings to a data set: read, filter, index, order, split; the result is cached."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from engine.config import DataConfig
from engine.data import cache, fingerprint
from engine.data.dataset import Dataset
from engine.data.filters import filter_rows
from engine.data.ids import compact, encode
from engine.data.readers import READERS, Reader
from engine.data.readers.interface import dropped
from engine.data.split import in_time_order, user_offsets

log = logging.getLogger(__name__)


def load_dataset(config: DataConfig, cache_root: Path | None = None) -> Dataset:
    """The data set that `config` describes, from the cache where it was made before.

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


def _prepare(config: DataConfig, reader: Reader, data_fingerprint: str, split_fingerprint: str) -> Dataset:
    frame = reader.read(config)
    for reason, count in dropped(frame).items():
        log.warning("%s: dropped %d rows %s", config.dataset_name, count, reason)
    users, user_ids = encode(frame["user"])
    items, item_ids = encode(frame["item"])
    rows, funnel = filter_rows(users, items, frame["rating"].to_numpy(), config)
    users, user_ids = compact(users[rows], user_ids)
    items, item_ids = compact(items[rows], item_ids)
    times = frame["timestamp"].to_numpy()[rows] if "timestamp" in frame else rows
    order = in_time_order(users, times)
    return Dataset(
        name=config.dataset_name,
        items=items[order].astype(np.int32),
        offsets=user_offsets(users, len(user_ids)),
        user_ids=user_ids.astype(np.str_),
        item_ids=item_ids.astype(np.str_),
        data_fingerprint=data_fingerprint,
        split_fingerprint=split_fingerprint,
        funnel=funnel,
    )
