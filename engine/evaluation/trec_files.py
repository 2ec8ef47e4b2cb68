"""Writes run files of a checkpoint: every user's ranked candidates, batch by batch in the order of users."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import torch

from engine.contract import run_folder
from engine.contract.atomic_files import replacing
from engine.data.dataset import Dataset, Phase
from engine.data.evaluation_negatives import sample_negatives
from engine.evaluation.candidates import RankedCandidates, rank_candidates, rank_everything
from engine.evaluation.evaluator import block_size, history_but_target
from engine.evaluation.protocols import EvaluationProtocol, parse_protocol
from engine.evaluation.scores import Scorer, Scores
from engine.evaluation.sharded_scores import ShardedScores
from engine.evaluation.trec_lines import qrels, safe_ids, six_columns, trec_run

ORIGINAL = "popular-100"  # the protocol of the original system, whose file has the plain name
_USERS = 100_000  # users whose judgements are written at once

Gather = Callable[[tuple[np.ndarray, RankedCandidates]], Sequence[tuple[np.ndarray, RankedCandidates]]]
Write = Callable[[np.ndarray, RankedCandidates], None]


@dataclass(frozen=True)
class Candidates:
    """Ranks candidates, drawn as by `Evaluator`. list_length: how many of a full ranking are listed."""

    dataset: Dataset
    phase: Phase
    protocols: Sequence[str]
    seed: int
    block_mb: int
    list_length: int

    def rank(self, protocol: EvaluationProtocol, scores: Scores, users: np.ndarray) -> RankedCandidates:
        """Rank the candidates of `users`, (n,) int64, all evaluated in the phase. A collective if `scores` is."""
        data, targets = self.dataset, self.dataset.targets(users, self.phase)
        if protocol.weights:
            negatives = sample_negatives(data, users, protocol.count, protocol.weights, self.seed)
            return rank_candidates(scores, targets, negatives)
        excluded = history_but_target(data, users, targets, self.phase)
        length = min(self.list_length, data.num_items)
        if isinstance(scores, ShardedScores):
            size = block_size(len(scores.everyone), max(1, len(scores.rows)), self.block_mb)
            return scores.rank_everything(excluded, size, length)
        size = block_size(len(users), data.num_items, self.block_mb)
        return rank_everything(scores, excluded, data.num_items, size, length)


@torch.no_grad()
def write_run_files(
    candidates: Candidates,
    scorer: Scorer,
    batch_size: int,
    gather: Gather,
    folder: Path,
    rank: int = 0,
    world_size: int = 1,
    on_batch: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write two files per protocol and `qrels.txt` to `folder`, each atomically. A collective.

    Batches of users in ascending order are assigned to ranks round-robin, so that a batch has the same users for any
    world size; `gather` sends one batch of each rank to rank 0, which writes them at once. Returns the paths on rank
    0, an empty list elsewhere. Raises OSError.
    """
    users = candidates.dataset.evaluated_users(candidates.phase)
    rounds = -(-len(users) // (batch_size * world_size))
    protocols = [parse_protocol(name) for name in candidates.protocols]
    with ExitStack() as opened:
        written = [opened.enter_context(_files(folder, p, candidates)) for p in protocols if rank == 0]
        for number in range(rounds):
            first = (number * world_size + rank) * batch_size
            batch = users[first : first + batch_size]
            scores = scorer(batch)
            for place, protocol in enumerate(protocols):
                for part in gather((batch, candidates.rank(protocol, scores, batch))):
                    written[place][1](*part)
            if on_batch:
                on_batch(number + 1, rounds)
    if rank:
        return []
    return [path for paths, _ in written for path in paths] + [_write_qrels(folder, candidates, users)]


def file_names(dataset: str, protocol: str) -> tuple[str, str]:
    """Return the names of the file with six columns, as in the original system, and of the one in TREC's format."""
    part = "" if protocol == ORIGINAL else f"-{protocol}"
    stem = f"run-Bert4Rec-{dataset}{part}-fold1"
    return f"{stem}.txt.gz", f"{stem}.trec"


@contextmanager
def _files(
    folder: Path, protocol: EvaluationProtocol, candidates: Candidates
) -> Iterator[tuple[list[Path], Write]]:
    """Yield the paths of a protocol's two files, and a function that adds users. Equal rows give equal bytes."""
    paths = [folder / name for name in file_names(candidates.dataset.name, protocol.name)]
    ids = [safe_ids(each) for each in (candidates.dataset.user_ids, candidates.dataset.item_ids)]
    with replacing(paths[0]) as file, replacing(paths[1]) as trec, _gzip(file) as packed:

        def write(users: np.ndarray, ranked: RankedCandidates) -> None:
            packed.write(six_columns(ids[0][users], ids[1], ranked))
            trec.write(trec_run(ids[0][users], ids[1], ranked))

        yield paths, write


def _gzip(file: IO[bytes]) -> gzip.GzipFile:
    """Return a gzip file without name and time in its header, which would differ between equal files."""
    return gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0)


def _write_qrels(folder: Path, candidates: Candidates, users: np.ndarray) -> Path:
    data, path = candidates.dataset, folder / run_folder.QRELS
    with replacing(path) as file:
        for first in range(0, len(users), _USERS):
            some = users[first : first + _USERS]
            targets = data.item_ids[data.targets(some, candidates.phase)]
            file.write(qrels(safe_ids(data.user_ids[some]), safe_ids(targets)))
    return path
