"""What a swept setting may be: one of some values, or a number from a range, each found from a share of 0 to 1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

SIGNIFICANT = 6  # digits of a number drawn from a range, so that a point can be read and written down


@dataclass(frozen=True)
class Choices:
    """One of these values."""

    values: tuple[Any, ...]

    @property
    def count(self) -> int | None:
        """How many values there are."""
        return len(self.values)

    def at(self, share: float) -> Any:
        """The value at a share of the whole, 0 ≤ share < 1."""
        return self.values[int(share * len(self.values))]


@dataclass(frozen=True)
class Range:
    """A number from low to high, both included. log: evenly in the logarithm. whole: of whole numbers.

    step: the distance between two numbers counted from low; None for 1 of whole numbers, else for any.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    whole: bool = False

    @property
    def count(self) -> int | None:
        """How many values there are; None where there is no end of them."""
        step = self.step or (1 if self.whole else None)
        return None if step is None else int((self.high - self.low) / step + 1e-9) + 1

    def at(self, share: float) -> Any:
        """The number at a share of the whole, 0 ≤ share < 1."""
        if self.log:
            margin = 0.5 if self.whole else 0.0  # so that the first and last whole number get their share too
            low, high = math.log(self.low - margin), math.log(self.high + margin)
            return self.settled(math.exp(low + share * (high - low)))
        if self.count is not None:
            return self.settled(self.low + int(share * self.count) * (self.step or 1))
        return self.settled(self.low + share * (self.high - self.low))

    def settled(self, number: float) -> float | int:
        """The number as a setting gets it: whole, or of a few digits, and never outside."""
        settled = round(number) if self.whole else float(f"{number:.{SIGNIFICANT}g}")
        return min(max(settled, self.low), self.high)


Space = Choices | Range
