"""Orders interactions by user, time and place in the file, and cuts each user's row into training and held out.

Equal times are common (three quarters of MovieLens 100K), so the tie rule decides what is held out: of two
interactions of a user at the same time, the one that stands later in the file is the later one.

Leave-two-out: a user's last interaction is test, the one before it validation, the rest training.

Temporal: two times cut the whole data set. What happened before the first is training; the first thing a user
did from the first to before the second is for validation, the first thing from the second on for test. All that
happened at one moment stands on the same side of a cut. So nothing from after a cut is known before it, of
whatever user: no later popularity, no later neighbours. Only the filters and the list of items look at the whole
data set. What follows a user's held-out interaction is not used, except that it is no negative of that user.
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
    """Where each user's row is cut: (users,) int64 offsets, see `Dataset`."""

    validation_starts: np.ndarray
    test_starts: np.ndarray


def in_time_order(users: np.ndarray, timestamps: np.ndarray) -> np.ndarray:
    """(rows,) int64: the order of rows by (user, time, place in the file). users are integers, times numbers."""
    earliest, latest = int(timestamps.min()), int(timestamps.max())
    span = latest - earliest + 1
    whole = np.issubdtype(timestamps.dtype, np.integer)
    if not whole or (int(users.max()) + 1) * span > _LARGEST_KEY:
        return np.lexsort((timestamps, users))
    # one key sorts several times faster than two; equal keys keep the order of the file
    return np.argsort(users.astype(np.int64) * span + (timestamps - earliest), kind="stable")


def user_offsets(users: np.ndarray, num_users: int) -> np.ndarray:
    """(num_users + 1,) int64: where each user's rows begin once sorted. users: (rows,) integers."""
    return np.concatenate(([0], np.cumsum(np.bincount(users, minlength=num_users))))


def split_rows(offsets: np.ndarray, timestamps: np.ndarray, config: DataConfig) -> Split:
    """The split that `config` names, of rows in time order.

    offsets: as of `user_offsets`. timestamps: (rows,) of the ordered rows. Raises B4RError where a phase would
    have nobody to evaluate.
    """
    if config.split == "temporal":
        return temporal(offsets, timestamps, cut_times(timestamps, config))
    return leave_two_out(offsets)


def leave_two_out(offsets: np.ndarray) -> Split:
    """Users with fewer than 3 interactions have them all in training. Raises B4RError if that is everyone."""
    lengths = np.diff(offsets)
    if lengths.max() < MIN_LENGTH:
        raise B4RError(
            f"no user has the {MIN_LENGTH} interactions that training, validation and test need "
            f"(the longest history has {lengths.max()}); use a larger data set or lower its filters"
        )
    ends, held_out = offsets[1:], lengths >= MIN_LENGTH
    return Split(ends - np.where(held_out, _HELD_OUT, 0), ends - np.where(held_out, 1, 0))


def cut_times(timestamps: np.ndarray, config: DataConfig) -> tuple[int, int]:
    """The two cuts in unix seconds, as set or as the fractions give them.

    A fraction f of n interactions gives the time of number floor(f × n) in time order, counted from 0, so that
    at most that fraction lies before it. The order of `timestamps`, (n,), does not matter.
    """
    if config.temporal_times is not None:
        first, second = config.temporal_times
        return first, second
    places = [int(fraction * len(timestamps)) for fraction in config.temporal_fractions]
    ordered = np.partition(timestamps, places)
    return int(ordered[places[0]]), int(ordered[places[1]])


def temporal(offsets: np.ndarray, timestamps: np.ndarray, cuts: tuple[int, int]) -> Split:
    """Rows at a cut or later are after it. Raises B4RError where a phase would have nobody to evaluate."""
    split = Split(*(_first_from(cut, offsets, timestamps) for cut in cuts))
    trained = split.validation_starts > offsets[:-1]
    if not (trained & (split.validation_starts < split.test_starts)).any():
        raise _nobody("validate", cuts)
    if not (trained & (split.test_starts < offsets[1:])).any():
        raise _nobody("test", cuts)
    return split


def _first_from(cut: int, offsets: np.ndarray, timestamps: np.ndarray) -> np.ndarray:
    """(users,) int64: the offset of each user's first row at `cut` or later, or the end of the user's rows."""
    earlier = np.concatenate(([0], np.cumsum(timestamps < cut)))
    return offsets[:-1] + earlier[offsets[1:]] - earlier[offsets[:-1]]


def _nobody(phase: Phase, cuts: tuple[int, int]) -> B4RError:
    first, second = cuts
    when = f"from {first} to before {second}" if phase == "validate" else f"from {second} on"
    return B4RError(
        f"the temporal split leaves nobody to {phase}: no user has an interaction before {first} and another "
        f"{when} (unix seconds); move data.temporal_fractions or data.temporal_times"
    )
