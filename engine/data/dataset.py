"""A data set ready for training: who interacted with what in which order, and which part is held out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

Phase = Literal["validate", "test"]

PHASES: tuple[Phase, ...] = ("validate", "test")


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

    The split cuts each user's row in three, at validation_starts and test_starts, (users,) int64 offsets into
    `items`: before the first cut is training, the first interaction after a cut is what that phase has to find,
    everything before that cut is what the phase knows. An item that nobody has in training stays a candidate.
    A user with an empty part has nothing to find there, and one without training interactions nothing to find it
    with: neither is evaluated in that phase.
    """

    name: str
    items: np.ndarray
    offsets: np.ndarray
    validation_starts: np.ndarray
    test_starts: np.ndarray
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

    def evaluated_users(self, phase: Phase) -> np.ndarray:
        """(evaluated users,) int64: indices of the users who have something to find in the phase, rising."""
        return self._evaluated[phase]

    def train_ends(self) -> np.ndarray:
        """(users,) int64: offset at which the training part of each user ends."""
        return self.validation_starts

    @cached_property
    def training_items(self) -> np.ndarray:
        """(training interactions,) int32: the items of all training interactions, user after user."""
        parts = np.stack(
            (self.train_ends() - self.offsets[:-1], self.offsets[1:] - self.train_ends()), axis=1
        )
        is_training = np.repeat(np.tile([True, False], self.num_users), parts.ravel())
        return self.items[is_training]

    @cached_property
    def popularity(self) -> np.ndarray:
        """(items,) int64: training interactions of each item."""
        return np.bincount(self.training_items, minlength=self.num_items)

    def history_bounds(self, users: np.ndarray, phase: Phase) -> tuple[np.ndarray, np.ndarray]:
        """Offsets (starts, ends), each (n,) int64, of what is known of `users` in a phase.

        validate: what comes before the first cut. test: what comes before the second.
        """
        return self.offsets[users], self._targets_at(phase)[users]

    def targets(self, users: np.ndarray, phase: Phase) -> np.ndarray:
        """(n,) int32: the item each of `users` is to be recommended. Raises ValueError if one has none."""
        if not self._has_target[phase][users].all():
            raise ValueError(f"a user who is not evaluated in the phase {phase} has no held-out item")
        return self.items[self._targets_at(phase)[users]]

    def _targets_at(self, phase: Phase) -> np.ndarray:
        """(users,) int64: offset of what each user has to find, where the user is evaluated."""
        return self.validation_starts if phase == "validate" else self.test_starts

    @cached_property
    def _has_target(self) -> dict[Phase, np.ndarray]:
        """Phase → (users,) bool: whether a user is evaluated."""
        trained = self.validation_starts > self.offsets[:-1]
        return {
            "validate": trained & (self.validation_starts < self.test_starts),
            "test": trained & (self.test_starts < self.offsets[1:]),
        }

    @cached_property
    def _evaluated(self) -> dict[Phase, np.ndarray]:
        return {phase: np.flatnonzero(has) for phase, has in self._has_target.items()}
