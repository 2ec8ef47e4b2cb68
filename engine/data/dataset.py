"""A data set ready for training: who interacted with what in which order, and which part is held out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

Phase = Literal["validate", "test"]

MIN_HELD_OUT_LENGTH = 3  # one interaction each for training, validation and test
_HELD_OUT_ITEMS = 2
_UNKNOWN_ITEMS: dict[str, int] = {"validate": 2, "test": 1}  # last items that a phase may not look at


@dataclass(frozen=True)
class FunnelStep:
    """What is left of the interactions after a step."""

    name: str
    interactions: int
    users: int
    items: int


@dataclass(frozen=True, eq=False)
class Dataset:
    """Interactions in compressed rows: those of user u are `items[offsets[u]:offsets[u + 1]]`, in time order.

    items: (interactions,) int32, item indices from 0. offsets: (users + 1,) int64. user_ids: (users,) and
    item_ids: (items,) str, the ids of the source. data_fingerprint: of the source's bytes.
    split_fingerprint: of these bytes and of all settings that change indices or split. Both are hex.

    Leave-two-out: the last interaction of a user is test, the one before it validation, the rest training.
    A user with fewer than 3 interactions has them all in training and is not evaluated.
    """

    name: str
    items: np.ndarray
    offsets: np.ndarray
    user_ids: np.ndarray
    item_ids: np.ndarray
    data_fingerprint: str
    split_fingerprint: str
    funnel: tuple[FunnelStep, ...]

    @property
    def num_users(self) -> int:
        """Users, evaluated or not."""
        return len(self.user_ids)

    @property
    def num_items(self) -> int:
        """Distinct items of all interactions, held out ones included."""
        return len(self.item_ids)

    @property
    def num_interactions(self) -> int:
        """Interactions, held out ones included."""
        return len(self.items)

    @cached_property
    def lengths(self) -> np.ndarray:
        """(users,) int64: interactions of each user."""
        return np.diff(self.offsets)

    @property
    def held_out(self) -> np.ndarray:
        """(users,) bool: whether the last two interactions of a user are held out."""
        return self.lengths >= MIN_HELD_OUT_LENGTH

    @cached_property
    def evaluated_users(self) -> np.ndarray:
        """(evaluated users,) int64: indices of the users with held-out items, rising."""
        return np.flatnonzero(self.held_out)

    @cached_property
    def training_items(self) -> np.ndarray:
        """(training interactions,) int32: the items of all training interactions, user after user."""
        is_training = np.ones(self.num_interactions, dtype=bool)
        ends = self.offsets[self.evaluated_users + 1]
        is_training[ends - 1] = is_training[ends - 2] = False
        return self.items[is_training]

    @cached_property
    def popularity(self) -> np.ndarray:
        """(items,) int64: training interactions of each item."""
        return np.bincount(self.training_items, minlength=self.num_items)

    def train_ends(self) -> np.ndarray:
        """(users,) int64: offset at which the training part of each user ends."""
        return self.offsets[1:] - np.where(self.held_out, _HELD_OUT_ITEMS, 0)

    def history_bounds(self, users: np.ndarray, phase: Phase) -> tuple[np.ndarray, np.ndarray]:
        """Offsets (starts, ends), each (n,) int64, of what is known of `users` in a phase.

        validate: the training items. test: the training and the validation items.
        """
        held_out = self.lengths[users] >= MIN_HELD_OUT_LENGTH
        unknown = np.where(held_out, _UNKNOWN_ITEMS[phase], 0)
        return self.offsets[users], self.offsets[users + 1] - unknown

    def targets(self, users: np.ndarray, phase: Phase) -> np.ndarray:
        """(n,) int32: the item each of `users` is to be recommended. Raises ValueError if one has none."""
        if (self.lengths[users] < MIN_HELD_OUT_LENGTH).any():
            raise ValueError("a user with fewer than 3 interactions has no held-out item")
        return self.items[self.offsets[users + 1] - _UNKNOWN_ITEMS[phase]]
