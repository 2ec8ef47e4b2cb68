"""Spaces of swept settings: a list of values or a range of numbers, indexed by a share in [0, 1)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

SIGNIFICANT = 6  # digits of a number drawn from a range, so that points stay readable


@dataclass(frozen=True)
class Choices:
    """A finite list of values."""

    values: tuple[Any, ...]

    @property
    def count(self) -> int | None:
        """Return the number of values."""
        return len(self.values)

    def at(self, share: float) -> Any:
        """Return the value at a share of the list, 0 ≤ share < 1."""
        return self.values[int(share * len(self.values))]


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, inclusive. log: uniform on a log scale. whole: only whole numbers.

    step: between values, counted from low; None: 1 for whole numbers, otherwise continuous.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    whole: bool = False

    @property
    def count(self) -> int | None:
        """Return the number of values; None if there are infinitely many."""
        step = self.step or (1 if self.whole else None)
        return None if step is None else int((self.high - self.low) / step + 1e-9) + 1

    def at(self, share: float) -> Any:
        """Return the number at a share of the range, 0 ≤ share < 1."""
        if self.log:
            margin = (
                0.5 if self.whole else 0.0
            )  # so that the first and last whole number are as likely as the others
            low, high = math.log(self.low - margin), math.log(self.high + margin)
            return self.rounded(math.exp(low + share * (high - low)))
        if self.count is not None:
            return self.rounded(self.low + int(share * self.count) * (self.step or 1))
        return self.rounded(self.low + share * (self.high - self.low))

    def rounded(self, number: float) -> float | int:
        """Return the number as the setting gets it: whole, or with a few digits, and within the range."""
        rounded = round(number) if self.whole else float(f"{number:.{SIGNIFICANT}g}")
        return min(max(rounded, self.low), self.high)


Space = Choices | Range
