"""A sweep as it is meant, and its points: the whole grid, or so many drawn evenly."""

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
    """The sweep of the experiment `name`. axes: by key as it is written in the table, seeds among them, in order."""

    name: str
    options: SweepOptions
    axes: dict[tuple[str, ...], Space]

    @property
    def at(self) -> KeyPath:
        """Where its table stands."""
        return ("experiments", self.name, "sweep")

    @property
    def spaces(self) -> dict[str, Space]:
        """What is swept, by dotted setting; seeds are not."""
        return {".".join(path): space for path, space in self.axes.items() if path != (SEEDS,)}

    @property
    def seeds(self) -> tuple[int | None, ...]:
        """The seeds each point runs with; just None for the experiment's own."""
        return tuple(self.options.seeds or (None,))

    @property
    def most_points(self) -> int | None:
        """How many different points there are; None where there is no end of them."""
        counts = [space.count for space in self.spaces.values()]
        return None if None in counts else math.prod(count for count in counts if count is not None)

    @property
    def incomparable(self) -> tuple[str, ...]:
        """Swept settings that change what is measured: points that differ in them cannot be ranked."""
        return tuple(key for key in self.spaces if changes_measure(key))


def changes_measure(setting: str) -> bool:
    """Whether metrics of different values of a setting tell of different questions."""
    return setting.startswith("data.") or setting in _MEASURED


def grid(plan: SweepPlan) -> list[Values]:
    """All combinations, seeds among them, the last axis running fastest."""
    keys = [".".join(path) for path in plan.axes]
    lists = [space.values if isinstance(space, Choices) else () for space in plan.axes.values()]
    return [dict(zip(keys, values, strict=True)) for values in itertools.product(*lists)]


def drawn(plan: SweepPlan, count: int) -> list[Values]:
    """`count` different points without seeds, or all that there are.

    A point depends on the sampler's seed, its place and the names of the settings alone: more samples or one more
    setting leave what was drawn as it is.
    """
    wanted = min(count, plan.most_points or count)
    points: dict[str, Values] = {}
    for place in itertools.count():
        if len(points) == wanted:
            return list(points.values())
        values = {key: space.at(_share(plan.options.seed, key, place)) for key, space in plan.spaces.items()}
        points.setdefault(repr(values), values)
    raise AssertionError("unreachable")


def _share(seed: int, key: str, place: int) -> float:
    """A number from 0 to below 1, the same on every machine and in every version."""
    digest = hashlib.sha256(f"{seed}\0{key}\0{place}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53
