"""Spread over seeds: mean, standard deviation, t interval and Welch's test."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Score:
    """A metric of runs that differ only in their seed.

    value: mean over runs. sd: sample standard deviation (denominator n - 1), None for a single run. low, high: 95 %
    interval of the mean over seeds (Student's t) or, for a single run, over its users (bootstrap); see `over`. values:
    one per run.
    """

    value: float
    sd: float | None
    low: float | None
    high: float | None
    values: tuple[float, ...]

    @property
    def over(self) -> str:
        """Return what the interval is over: `seeds`, or `users` for a single run."""
        return "seeds" if len(self.values) > 1 else "users"


def score(values: Sequence[float], low: float | None = None, high: float | None = None) -> Score:
    """Return the score of one value per run; low, high: interval over users, used only for a single run."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return Score(mean, None, low, high, tuple(values))
    return Score(mean, statistics.stdev(values), *t_interval(values), tuple(values))


def t_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return mean ± t · s / √n, n ≥ 2, n - 1 degrees of freedom (Student: The probable error of a mean, 1908)."""
    from scipy.special import stdtrit  # scipy.stats takes ten times as long to import

    n = len(values)
    mean = statistics.fmean(values)
    reach = float(stdtrit(n - 1, (1.0 + confidence) / 2.0)) * statistics.stdev(values) / math.sqrt(n)
    return mean - reach, mean + reach


def welch(mine: Sequence[float], theirs: Sequence[float]) -> float | None:
    """Return the two-sided p-value of equal means, for unpaired values with unequal variances.

    Welch: The generalization of Student's problem when several different population variances are involved,
    Biometrika 1947. None if either has fewer than two values, or no value varies.
    """
    if min(len(mine), len(theirs)) < 2:
        return None
    shares = [statistics.variance(values) / len(values) for values in (mine, theirs)]
    if not sum(shares):
        return None
    from scipy.special import stdtr

    t = (statistics.fmean(mine) - statistics.fmean(theirs)) / math.sqrt(sum(shares))
    rest = sum(share**2 / (len(values) - 1) for share, values in zip(shares, (mine, theirs), strict=True))
    return float(2.0 * stdtr(sum(shares) ** 2 / rest, -abs(t)))
