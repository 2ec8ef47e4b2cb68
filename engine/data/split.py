"""Orders interactions by user, time and position in the file, and splits them into training and held-out parts.

Equal times are common (three quarters of MovieLens 100K), so the tie rule decides what is held out: of two
interactions of a user at the same time, the one later in the file is the later one.

Leave-two-out: a user's last interaction is test, the one before it validation, the rest training.

Temporal: two times cut the data set. Everything before the first is training; a user's first interaction between
the two is validation, and the first from the second on is test. Interactions at the same time are on the same side
of a cut. So no information from after a cut, of any user, leaks before it: no later popularity, no later
neighbours. Only the filters and the list of items use the entire data set. Interactions after a user's held-out one
are not used, except that they are never negatives of that user.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.contract.config.data import DataConfig
from engine.contract.errors import B4RError
from engine.data.dataset import Phase

MIN_LENGTH = 3  # one interaction each for training, validation and test
_HELD_OUT = 2
_LARGEST_KEY = 2**63 - 1


@dataclass(frozen=True)
class Split:
    """The cuts of each user's row: (users,) int64 offsets, see `Dataset`."""

    validation_starts: np.ndarray
    test_starts: np.ndarray


def in_time_order(users: np.ndarray, timestamps: np.ndarray) -> np.ndarray:
    """Return the order of rows by (user, time, position in the file), (rows,) int64. users: integers."""
    earliest, latest = int(timestamps.min()), int(timestamps.max())
    span = latest - earliest + 1
    is_integer = np.issubdtype(timestamps.dtype, np.integer)
    if not is_integer or (int(users.max()) + 1) * span > _LARGEST_KEY:
        return np.lexsort((timestamps, users))
    # sorting by one key is several times faster than by two; a stable sort keeps the order of the file for equal keys
    return np.argsort(users.astype(np.int64) * span + (timestamps - earliest), kind="stable")


def user_offsets(users: np.ndarray, num_users: int) -> np.ndarray:
    """Return where each user's rows begin once sorted, (num_users + 1,) int64. users: (rows,) integers."""
    return np.concatenate(([0], np.cumsum(np.bincount(users, minlength=num_users))))


def split_rows(offsets: np.ndarray, timestamps: np.ndarray, config: DataConfig) -> Split:
    """Split rows in time order as `config` says.

    offsets: as from `user_offsets`. timestamps: (rows,) of the ordered rows. Raises B4RError if a phase would have no
    user to evaluate.
    """
    if config.split == "temporal":
        return temporal(offsets, timestamps, cut_times(timestamps, config))
    return leave_two_out(offsets)


def leave_two_out(offsets: np.ndarray) -> Split:
    """Hold out each user's last two interactions; users with fewer than 3 have all in training.

    Raises B4RError if no user has 3.
    """
    lengths = np.diff(offsets)
    if lengths.max() < MIN_LENGTH:
        raise B4RError(
            f"no user has the {MIN_LENGTH} interactions needed for training, validation and test "
            f"(the longest history has {lengths.max()}); use a larger data set or lower its filters"
        )
    ends, held_out = offsets[1:], lengths >= MIN_LENGTH
    return Split(ends - np.where(held_out, _HELD_OUT, 0), ends - np.where(held_out, 1, 0))


def cut_times(timestamps: np.ndarray, config: DataConfig) -> tuple[int, int]:
    """Return the two cuts in unix seconds, as set or by the fractions.

    A fraction f of n interactions gives the time of number floor(f × n) in time order, counted from 0, so that
    at most that fraction is before it. The order of `timestamps`, (n,), does not matter.
    """
    if config.temporal_times is not None:
        first, second = config.temporal_times
        return first, second
    places = [int(fraction * len(timestamps)) for fraction in config.temporal_fractions]
    ordered = np.partition(timestamps, places)
    return int(ordered[places[0]]), int(ordered[places[1]])


def temporal(offsets: np.ndarray, timestamps: np.ndarray, cuts: tuple[int, int]) -> Split:
    """Split at two times; rows at a cut are after it. Raises B4RError if a phase would have no user to evaluate."""
    split = Split(*(_first_from(cut, offsets, timestamps) for cut in cuts))
    trained = split.validation_starts > offsets[:-1]
    if not (trained & (split.validation_starts < split.test_starts)).any():
        raise _nobody("validate", cuts)
    if not (trained & (split.test_starts < offsets[1:])).any():
        raise _nobody("test", cuts)
    return split


def _first_from(cut: int, offsets: np.ndarray, timestamps: np.ndarray) -> np.ndarray:
    """Return the offset of each user's first row at `cut` or later, or the end of the user's rows: (users,) int64."""
    earlier = np.concatenate(([0], np.cumsum(timestamps < cut)))
    return offsets[:-1] + earlier[offsets[1:]] - earlier[offsets[:-1]]


def _nobody(phase: Phase, cuts: tuple[int, int]) -> B4RError:
    first, second = cuts
    when = f"from {first} to before {second}" if phase == "validate" else f"from {second} on"
    return B4RError(
        f"the temporal split leaves no user to {phase}: none has an interaction before {first} and another "
        f"{when} (unix seconds); change data.temporal_fractions or data.temporal_times"
    )
