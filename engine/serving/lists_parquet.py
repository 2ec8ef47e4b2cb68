"""Writes the lists of all users to one parquet file, atomically, one batch of users at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.contract.atomic_files import replacing
from engine.contract.errors import B4RError
from engine.contract.options.recommend import RecommendOptions
from engine.data.dataset import Dataset
from engine.serving.loaded_model import LoadedModel
from engine.serving.top_lists import best_items, histories_of

GROUP_ROWS = 200_000
SCHEMA = pa.schema(
    [
        ("user", pa.string()),
        ("rank", pa.int32()),
        ("item", pa.string()),
        ("title", pa.string()),
        ("score", pa.float32()),
    ]
)


def write_lists(
    path: Path,
    trained: LoadedModel,
    titles: Mapping[str, str],
    dataset: Dataset,
    options: RecommendOptions,
    on_progress: Callable[[str, int, int], None],
) -> None:
    """Write a row for each user and list position, users in the order of the data. Memory use is constant.

    on_progress: gets the phase, the users done, and all users. Raises B4RError if the file cannot be written.
    """
    size = trained.experiment.evaluation.test_batch_size
    names = np.array([titles.get(item) for item in trained.item_ids], dtype=object)
    try:
        with replacing(path) as file, pq.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
            for first in range(0, dataset.num_users, size):
                users = np.arange(first, min(first + size, dataset.num_users))
                histories = histories_of(dataset, users, options.as_of)
                items, scores = best_items(
                    trained.model,
                    histories,
                    trained.longest,
                    options.k,
                    trained.experiment.evaluation.block_mb,
                )
                writer.write_table(_table(users, items, scores, dataset, names), row_group_size=GROUP_ROWS)
                on_progress("recommend", int(users[-1]) + 1, dataset.num_users)
    except OSError as error:
        raise B4RError(
            f"{path}: cannot be written ({error.strerror or error}); choose another --out"
        ) from error


def _table(
    users: np.ndarray, items: np.ndarray, scores: np.ndarray, dataset: Dataset, names: np.ndarray
) -> pa.Table:
    """Return the rows of a batch. users: (n,); items, scores: (n, k), -1 for no item."""
    rows, columns = np.nonzero(items >= 0)
    chosen = items[rows, columns]
    values = [
        dataset.user_ids[users[rows]],
        (columns + 1).astype(np.int32),
        dataset.item_ids[chosen],
        names[chosen],
        scores[rows, columns],
    ]
    return pa.table(
        [pa.array(value, type=field.type) for value, field in zip(values, SCHEMA, strict=True)], schema=SCHEMA
    )
