"""The plan of a sweep and its points: the full grid, or a uniform random sample."""

from __future__ import annotations

import hashlib
import itertools
import math
from dataclasses import dataclass
from typing import Any

from b4r_tui.experiments.file_problem import KeyPath
from b4r_tui.experiments.sweep.names import SEEDS
from b4r_tui.experiments.sweep.options import SweepOptions
from b4r_tui.experiments.sweep.spaces import Choices, Space

TRIED = 20  # points of a search that are checked before it starts
_MEASURED = ("evaluation.protocols", "evaluation.select_by")
Values = dict[str, Any]


@dataclass(frozen=True)
class SweepPlan:
    """The sweep of the experiment `name`. axes: by key as written in the table, in order, including seeds."""

    name: str
    options: SweepOptions
    axes: dict[tuple[str, ...], Space]

    @property
    def at(self) -> KeyPath:
        """Return the key path of its table."""
        return ("experiments", self.name, "sweep")

    @property
    def spaces(self) -> dict[str, Space]:
        """Return the spaces of the swept settings by dotted key, without seeds."""
        return {".".join(path): space for path, space in self.axes.items() if path != (SEEDS,)}

    @property
    def seeds(self) -> tuple[int | None, ...]:
        """Return the seeds of each point; (None,) for the seed of the experiment."""
        return tuple(self.options.seeds or (None,))

    @property
    def most_points(self) -> int | None:
        """Return the number of distinct points; None if there are infinitely many."""
        counts = [space.count for space in self.spaces.values()]
        return None if None in counts else math.prod(count for count in counts if count is not None)

    @property
    def incomparable(self) -> tuple[str, ...]:
        """Return swept settings that change what is measured: points that differ in them cannot be ranked."""
        return tuple(key for key in self.spaces if changes_measure(key))


def changes_measure(setting: str) -> bool:
    """Return whether metrics are incomparable between different values of a setting."""
    return setting.startswith("data.") or setting in _MEASURED


def grid(plan: SweepPlan) -> list[Values]:
    """Return all combinations, including seeds; the last axis varies fastest."""
    keys = [".".join(path) for path in plan.axes]
    lists = [space.values if isinstance(space, Choices) else () for space in plan.axes.values()]
    return [dict(zip(keys, values, strict=True)) for values in itertools.product(*lists)]


def drawn(plan: SweepPlan, count: int) -> list[Values]:
    """Return `count` distinct points without seeds, or all points if there are fewer.

    A point depends only on the sampler's seed, its index and the names of the settings: more samples or another setting
    do not change points drawn before.
    """
    wanted = min(count, plan.most_points or count)
    points: dict[str, Values] = {}
    for index in itertools.count():
        if len(points) == wanted:
            return list(points.values())
        values = {key: space.at(_share(plan.options.seed, key, index)) for key, space in plan.spaces.items()}
        points.setdefault(repr(values), values)
    raise AssertionError("unreachable")


def _share(seed: int, key: str, index: int) -> float:
    """Return a number in [0, 1), the same on every machine and in every version."""
    digest = hashlib.sha256(f"{seed}\0{key}\0{index}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53
