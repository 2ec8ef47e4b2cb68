"""What each step of reading and filtering left of a run's data, and what it took away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

COUNTS = ("interactions", "users", "items")
NAMES = {"usable": "rows that can be used", "repeated": "items and users again, until all hold"}


@dataclass(frozen=True)
class Step:
    """A step. left, removed: interactions, users and items after it, and taken away by it."""

    name: str
    left: tuple[int, ...]
    removed: tuple[int, ...]


def funnel_of(dataset: dict[str, Any]) -> list[Step]:
    """The steps that the `dataset` of a `run_started` event tells, in order; none where it tells none."""
    return list(_steps(dataset.get("funnel") or []))


def _steps(told: list[dict[str, Any]]) -> Iterator[Step]:
    before: tuple[int, ...] | None = None
    for step in told:
        left = tuple(int(step[count]) for count in COUNTS)
        removed = tuple(was - now for was, now in zip(before or left, left, strict=True))
        yield Step(NAMES.get(step["name"], step["name"]), left, removed)
        before = left
