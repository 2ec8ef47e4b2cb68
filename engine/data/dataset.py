"""A data set ready for training: each user's interactions in order, and which of them are held out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

Phase = Literal["validate", "test"]

PHASES: tuple[Phase, ...] = ("validate", "test")


@dataclass(frozen=True)
class FunnelStep:
    """The interactions left after a step of filtering."""

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
    `items`. Everything before the first cut is training. The first interaction after a cut is that phase's target,
    and everything before the cut is its history. An item that occurs in no training part stays a candidate. Users
    without a target in a phase, or without training interactions, are not evaluated in it.
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
        """Number of users, evaluated or not."""
        return len(self.user_ids)

    @property
    def num_items(self) -> int:
        """Number of distinct items of all interactions, including held-out ones."""
        return len(self.item_ids)

    @property
    def num_interactions(self) -> int:
        """Number of interactions, including held-out ones."""
        return len(self.items)

    @cached_property
    def lengths(self) -> np.ndarray:
        """Number of interactions of each user: (users,) int64."""
        return np.diff(self.offsets)

    def evaluated_users(self, phase: Phase) -> np.ndarray:
        """Return the indices of the users evaluated in the phase, ascending: (evaluated users,) int64."""
        return self._evaluated[phase]

    def train_ends(self) -> np.ndarray:
        """Return the offset at which each user's training part ends: (users,) int64."""
        return self.validation_starts

    @cached_property
    def training_items(self) -> np.ndarray:
        """Items of all training interactions, user after user: (training interactions,) int32."""
        parts = np.stack(
            (self.train_ends() - self.offsets[:-1], self.offsets[1:] - self.train_ends()), axis=1
        )
        is_training = np.repeat(np.tile([True, False], self.num_users), parts.ravel())
        return self.items[is_training]

    @cached_property
    def popularity(self) -> np.ndarray:
        """Number of training interactions of each item: (items,) int64."""
        return np.bincount(self.training_items, minlength=self.num_items)

    def history_bounds(self, users: np.ndarray, phase: Phase) -> tuple[np.ndarray, np.ndarray]:
        """Return the offsets (starts, ends), each (n,) int64, of the history of `users` in a phase.

        validate: everything before the first cut. test: everything before the second.
        """
        return self.offsets[users], self._targets_at(phase)[users]

    def targets(self, users: np.ndarray, phase: Phase) -> np.ndarray:
        """Return the held-out item of each of `users`: (n,) int32. Raises ValueError if one has none."""
        if not self._has_target[phase][users].all():
            raise ValueError(f"a user who is not evaluated in the phase {phase} has no held-out item")
        return self.items[self._targets_at(phase)[users]]

    def _targets_at(self, phase: Phase) -> np.ndarray:
        """Return the offset of each user's held-out item, if the user is evaluated: (users,) int64."""
        return self.validation_starts if phase == "validate" else self.test_starts

    @cached_property
    def _has_target(self) -> dict[Phase, np.ndarray]:
        """Whether each user is evaluated, by phase: (users,) bool."""
        trained = self.validation_starts > self.offsets[:-1]
        return {
            "validate": trained & (self.validation_starts < self.test_starts),
            "test": trained & (self.test_starts < self.offsets[1:]),
        }

    @cached_property
    def _evaluated(self) -> dict[Phase, np.ndarray]:
        return {phase: np.flatnonzero(has) for phase, has in self._has_target.items()}
