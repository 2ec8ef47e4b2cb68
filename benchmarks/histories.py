"""Reads interaction logs for benchmarks without the engine's readers: each user's items in order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from engine.data.dataset import Dataset
from engine.data.split import leave_two_out


@dataclass(frozen=True)
class Log:
    """A data set as rows by user, then time. users, items: (rows,) int64, each numbered from 0."""

    name: str
    max_len: int
    users: np.ndarray
    items: np.ndarray

    def dataset(self) -> Dataset:
        """Return the log as an engine data set, split leave-two-out."""
        counts = np.bincount(self.users)
        offsets = np.concatenate(([0], np.cumsum(counts)))
        split = leave_two_out(offsets)
        return Dataset(
            name=self.name,
            items=self.items.astype(np.int32),
            offsets=offsets,
            validation_starts=split.validation_starts,
            test_starts=split.test_starts,
            user_ids=np.arange(len(counts)).astype(str),
            item_ids=np.arange(int(self.items.max()) + 1).astype(str),
            data_fingerprint="",
            split_fingerprint="",
            funnel=(),
        )


def read_logs(folder: Path) -> list[Log]:
    """Read MovieLens 1M (`ml-1m/ratings.dat`) and Amazon Beauty (`beauty/beauty.txt`), whichever the folder has."""
    logs = []
    if (folder / "ml-1m" / "ratings.dat").is_file():
        rows = pd.read_csv(folder / "ml-1m" / "ratings.dat", sep=":", header=None, usecols=[0, 2, 6])
        logs.append(_log("ML-1M", 200, rows.sort_values([0, 6], kind="stable")[[0, 2]]))
    if (folder / "beauty" / "beauty.txt").is_file():
        rows = pd.read_csv(folder / "beauty" / "beauty.txt", sep=" ", header=None)
        logs.append(_log("Beauty", 50, rows.sort_values(0, kind="stable")))
    return logs


def _log(name: str, max_len: int, rows: pd.DataFrame) -> Log:
    users, items = (np.unique(rows.iloc[:, column], return_inverse=True)[1] for column in (0, 1))
    return Log(name, max_len, users.astype(np.int64), items.astype(np.int64))
