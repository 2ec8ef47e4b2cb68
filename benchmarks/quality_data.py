"""Writes the peers' input for the comparison of quality, and ranks the scores that they return."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch

from benchmarks.configurations import write_inter
from engine.contract.ranks.metrics import ndcg, recall
from engine.contract.ranks.user_ranks import UserRanks, ranks_of_counts
from engine.data.dataset import PHASES, Dataset
from engine.data.ragged import take_ranges
from engine.data.windows import cut_windows
from engine.evaluation.ranks import rank_of_target

CUTOFF = 10
PerUser = tuple[np.ndarray, np.ndarray, np.ndarray]  # users, NDCG@10, recall@10


def write_inputs(folder: Path, dataset: Dataset, max_len: int, dupe_factor: int) -> None:
    """Write everything that both peers' programs read.

    `split.npz`: all rows of the data set in our order, `users`, `items`, (rows,), numbered from 0, and each user's
    held-out items, `validate`, `test`, (users,). `windows.npz` and `log/log.*.inter`: the training windows.
    """
    users = np.repeat(np.arange(dataset.num_users), dataset.lengths)
    everyone = np.arange(dataset.num_users)
    held_out = {phase: dataset.targets(everyone, phase) for phase in PHASES}
    np.savez(folder / "split.npz", users=users, items=dataset.items, num_items=dataset.num_items, **held_out)
    windows = cut_windows(dataset, max_len)
    starts, lengths = (np.tile(part, dupe_factor) for part in (windows.starts, windows.ends - windows.starts))
    owners = np.repeat(np.arange(len(starts)), lengths)
    np.savez(folder / "windows.npz", users=owners, items=take_ranges(dataset.items, starts, lengths))
    _write_inters(folder / "log", dataset, starts, starts + lengths, max_len)


def _write_inters(folder: Path, dataset: Dataset, starts: np.ndarray, ends: np.ndarray, max_len: int) -> None:
    """Write RecBole's files: train, valid and test with a history and the item after it, rest with every item."""
    folder.mkdir()

    def rows(starts: np.ndarray, ends: np.ndarray) -> list[list[int]]:
        return [dataset.items[a:b].tolist() for a, b in zip(starts, ends, strict=True)]

    write_inter(
        folder / "log.train.inter", range(len(starts)), rows(starts, ends), dataset.items[starts].tolist()
    )
    everyone = np.arange(dataset.num_users)
    for phase, name in zip(PHASES, ("valid", "test"), strict=True):
        firsts, lasts = dataset.history_bounds(everyone, phase)
        histories = rows(np.maximum(firsts, lasts - max_len), lasts)
        write_inter(
            folder / f"log.{name}.inter", everyone, histories, dataset.targets(everyone, phase).tolist()
        )
    items = range(dataset.num_items)
    write_inter(folder / "log.rest.inter", [0] * len(items), [[item] for item in items], items)


def ranks_of_scores(scores: np.ndarray, dataset: Dataset) -> PerUser:
    """Rank test scores with the engine's own code, seen items excluded. scores: (users, items)."""
    return _per_user(_ranks(scores, dataset, include_seen=False))


def peer_ndcg(scores: np.ndarray, dataset: Dataset, *, include_seen: bool) -> float:
    """Return NDCG@10 of the scores, with or without seen items among the candidates."""
    return float(ndcg(_ranks(scores, dataset, include_seen), CUTOFF).mean())


def ranks_of_run(run_dir: Path) -> PerUser:
    """Read the ranks of a finished run of ours."""
    table = pq.read_table(run_dir / "predictions" / "ranks_full.parquet").to_pydict()
    ranks, ties = np.array(table["rank"]), np.array(table["ties"])
    better = np.rint(ranks - 1.0 - ties / 2.0).astype(np.int64)
    return _per_user(ranks_of_counts(np.arange(len(ranks)), better, ties, np.array(table["candidates"])))


def _per_user(ranks: UserRanks) -> PerUser:
    return ranks.users, ndcg(ranks, CUTOFF), recall(ranks, CUTOFF)


def _ranks(scores: np.ndarray, dataset: Dataset, include_seen: bool) -> UserRanks:
    """Rank the scores; items that the library cannot score (-inf) tie for last."""
    scores = scores.astype(np.float32).copy()
    users = np.arange(dataset.num_users)
    targets = torch.from_numpy(dataset.targets(users, "test").astype(np.int64))
    lowest = np.min(scores, axis=1, where=np.isfinite(scores), initial=np.inf) - 1.0
    scores = np.where(np.isfinite(scores), scores, lowest[:, None])
    if not include_seen:
        _exclude_seen(scores, dataset)
    tensor = torch.from_numpy(scores)
    better, ties = rank_of_target(tensor, targets)
    return ranks_of_counts(users, better.numpy(), ties.numpy(), tensor.isfinite().sum(1).numpy())


def _exclude_seen(scores: np.ndarray, dataset: Dataset) -> None:
    """Set a user's history to -inf, except for the held-out item."""
    users = np.arange(dataset.num_users)
    starts, ends = dataset.history_bounds(users, "test")
    targets = dataset.targets(users, "test")
    target_scores = scores[users, targets].copy()
    scores[np.repeat(users, ends - starts), take_ranges(dataset.items, starts, ends - starts)] = -np.inf
    scores[users, targets] = target_scores
