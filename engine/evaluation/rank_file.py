"""Writes every user's rank to a parquet file, for significance tests and plots that means do not allow."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from engine.contract import run_folder
from engine.contract.atomic_files import replacing
from engine.contract.ranks.user_ranks import UserRanks
from engine.data.dataset import Dataset, Phase


def write_ranks(run_dir: Path, protocol: str, ranks: UserRanks, dataset: Dataset, phase: Phase) -> Path:
    """Write `predictions/ranks_<protocol>.parquet` atomically, one row per user.

    user_id, item_id: str, ids of the source, of the user and the held-out item. rank: float64, 1 = best, ties
    averaged. ties: int64, other candidates with the same score. candidates: int64, including the held-out item.
    The file's metadata contain protocol, phase and split fingerprint. Raises OSError.
    """
    table = pa.table(
        {
            "user_id": pa.array(dataset.user_ids[ranks.users].tolist(), pa.string()),
            "item_id": pa.array(dataset.item_ids[dataset.targets(ranks.users, phase)].tolist(), pa.string()),
            "rank": ranks.ranks,
            "ties": ranks.ties,
            "candidates": ranks.candidates,
        },
        metadata={"protocol": protocol, "phase": phase, "split_fingerprint": dataset.split_fingerprint},
    )
    folder = run_dir / run_folder.PREDICTIONS
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / run_folder.ranks_file(protocol)
    with replacing(path) as file:
        pq.write_table(table, file, compression="zstd")
    return path
