"""Values of a metric for each user, from the ranks in a run's `predictions/`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.contract import run_folder
from engine.contract.errors import B4RError
from engine.contract.ranks.metrics import per_user
from engine.contract.ranks.user_ranks import UserRanks

_SAME = 1e-6  # tolerance between a mean over users and the run's test metric


@dataclass(frozen=True, eq=False)
class UserValues:
    """users: ids from the source data, ascending. values: (users,) float64."""

    users: pa.ChunkedArray
    values: np.ndarray


def user_values(run_dir: Path, protocol: str, metric: str, fingerprint: str, tested: float) -> UserValues:
    """Return the values of a run for a metric that is a mean over users.

    fingerprint: of the split; tested: test metric of the run; the file must match both. Raises B4RError if the metric
    has no values per user, or the file is missing or belongs to another test.
    """
    path = run_dir / run_folder.PREDICTIONS / run_folder.ranks_file(protocol)
    ranks, users, split = _read(path)
    if fingerprint and split not in ("", fingerprint):
        raise B4RError(
            f"{path}: its users belong to split {split[:8]}, those of the run to {fingerprint[:8]}"
        )
    values = _metric(ranks, metric)
    if abs(float(values.mean()) - tested) > _SAME:
        raise B4RError(
            f"{path}: its mean {metric} is {values.mean():.6f}, but the test metrics of the run have {tested:.6f}; "
            f"rewrite both with `b4r-tui evaluate {run_dir.name}`"
        )
    return UserValues(users, values)


def mean_of(several: Sequence[UserValues]) -> UserValues:
    """Return the mean of each user over runs. Raises B4RError if their users differ."""
    first = several[0]
    for other in several[1:]:
        check_same_users(first, other)
    return UserValues(first.users, np.mean([each.values for each in several], axis=0))


def check_same_users(one: UserValues, other: UserValues) -> None:
    """Raise B4RError if the two do not have the same users."""
    if not one.users.equals(other.users):
        raise B4RError(
            f"the runs ranked different users ({len(one.users)} and {len(other.users)}), so no user can be "
            "compared with itself; compare runs of one split"
        )


def _read(path: Path) -> tuple[UserRanks, pa.ChunkedArray, str]:
    """Return the ranks by ascending user id, the ids, and the fingerprint of their split."""
    try:
        table = pq.read_table(path, columns=["user_id", "rank", "ties", "candidates"]).sort_by("user_id")
    except FileNotFoundError as error:
        raise B4RError(
            f"{path}: no such file; `b4r-tui evaluate {path.parent.parent.name}` ranks every user again"
        ) from error
    except (OSError, pa.ArrowException) as error:
        raise B4RError(f"{path}: cannot be read as ranks: {error}; evaluate the run again") from error
    ranks, ties, candidates = (table[name].to_numpy() for name in ("rank", "ties", "candidates"))
    split = (table.schema.metadata or {}).get(b"split_fingerprint", b"").decode()
    return UserRanks(np.arange(len(ranks)), ranks, ties, candidates), table["user_id"], split


def _metric(ranks: UserRanks, metric: str) -> np.ndarray:
    _, _, cutoff = metric.partition("@")
    values = per_user(ranks, [int(cutoff)] if cutoff.isdecimal() else [])
    if metric not in values:
        raise B4RError(f"'{metric}' is not a mean over users; compare by recall, precision, ndcg, map or mrr")
    return values[metric]
