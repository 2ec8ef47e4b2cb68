"""A metric's value for every user, from the ranks that a run left in `predictions/`."""

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

_SAME = 1e-6  # by which a mean over users may differ from the run's test metric


@dataclass(frozen=True, eq=False)
class UserValues:
    """users: ids of the source, rising. values: (users,) float64."""

    users: pa.ChunkedArray
    values: np.ndarray


def user_values(run_dir: Path, protocol: str, metric: str, fingerprint: str, tested: float) -> UserValues:
    """One run's values of a metric that is a mean over users.

    fingerprint: of the split, tested: the run's test metric; the file must be of both.
    Raises B4RError where the metric has no values for users, or the file is missing or of another test.
    """
    path = run_dir / run_folder.PREDICTIONS / run_folder.ranks_file(protocol)
    ranks, users, said = _read(path)
    if fingerprint and said not in ("", fingerprint):
        raise B4RError(f"{path}: its users are of the split {said[:8]}, the run's are of {fingerprint[:8]}")
    values = _metric(ranks, metric)
    if abs(float(values.mean()) - tested) > _SAME:
        raise B4RError(
            f"{path}: its mean {metric} is {values.mean():.6f}, the run's test says {tested:.6f}; "
            f"`b4r-tui evaluate {run_dir.name}` writes both anew"
        )
    return UserValues(users, values)


def mean_of(several: Sequence[UserValues]) -> UserValues:
    """The mean of each user over runs. Raises B4RError where their users differ."""
    first = several[0]
    for other in several[1:]:
        check_same_users(first, other)
    return UserValues(first.users, np.mean([each.values for each in several], axis=0))


def check_same_users(one: UserValues, other: UserValues) -> None:
    """Raises B4RError where the two are not of the same users."""
    if not one.users.equals(other.users):
        raise B4RError(
            f"the runs ranked different users ({len(one.users)} and {len(other.users)}), so no user can be "
            "compared with itself; compare runs of one split"
        )


def _read(path: Path) -> tuple[UserRanks, pa.ChunkedArray, str]:
    """The ranks by rising user id, the ids, and the fingerprint of their split."""
    try:
        table = pq.read_table(path, columns=["user_id", "rank", "ties", "candidates"]).sort_by("user_id")
    except FileNotFoundError as error:
        raise B4RError(
            f"{path}: no such file; `b4r-tui evaluate {path.parent.parent.name}` ranks every user again"
        ) from error
    except (OSError, pa.ArrowException) as error:
        raise B4RError(f"{path}: cannot be read as ranks: {error}; evaluate the run again") from error
    ranks, ties, candidates = (table[name].to_numpy() for name in ("rank", "ties", "candidates"))
    said = (table.schema.metadata or {}).get(b"split_fingerprint", b"").decode()
    return UserRanks(np.arange(len(ranks)), ranks, ties, candidates), table["user_id"], said


def _metric(ranks: UserRanks, metric: str) -> np.ndarray:
    _, _, cutoff = metric.partition("@")
    values = per_user(ranks, [int(cutoff)] if cutoff.isdecimal() else [])
    if metric not in values:
        raise B4RError(f"'{metric}' is no mean over users; compare by recall, precision, ndcg, map or mrr")
    return values[metric]
