"""The data funnel: what each step of reading and filtering kept of a run's data, and what it removed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

COUNTS = ("interactions", "users", "items")
NAMES = {"usable": "usable rows", "repeated": "repeat until stable (k-core)"}


@dataclass(frozen=True)
class Step:
    """A step. left, removed: interactions, users and items after it, and removed by it."""

    name: str
    left: tuple[int, ...]
    removed: tuple[int, ...]


def funnel_of(dataset: dict[str, Any]) -> list[Step]:
    """Return the steps in the `dataset` of a `run_started` event, in order; [] if it has none."""
    return list(_steps(dataset.get("funnel") or []))


def _steps(steps: list[dict[str, Any]]) -> Iterator[Step]:
    before: tuple[int, ...] | None = None
    for step in steps:
        left = tuple(int(step[count]) for count in COUNTS)
        removed = tuple(was - now for was, now in zip(before or left, left, strict=True))
        yield Step(NAMES.get(step["name"], step["name"]), left, removed)
        before = left
