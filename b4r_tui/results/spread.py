"""How far runs of several seeds lie apart: mean, standard deviation, t interval, Welch's test."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Score:
    """A metric of runs that differ in their seed alone.

    value: the mean over runs. sd: sample standard deviation (n - 1 in its denominator), None of a single run.
    low, high: the 95 % interval `over` says: of the mean over `seeds` (Student's t), or, of a single run, over `users`
    (its own bootstrap). values: one a run.
    """

    value: float
    sd: float | None
    low: float | None
    high: float | None
    values: tuple[float, ...]

    @property
    def over(self) -> str:
        """What the interval is about: `seeds`, or the `users` of a single run."""
        return "seeds" if len(self.values) > 1 else "users"


def score(values: Sequence[float], low: float | None = None, high: float | None = None) -> Score:
    """The score of one value a run; low and high are the interval over users, used where there is one run."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return Score(mean, None, low, high, tuple(values))
    return Score(mean, statistics.stdev(values), *t_interval(values), tuple(values))


def t_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """mean ± t · s / √n, t of n - 1 degrees of freedom (Student: The probable error of a mean, 1908); needs n ≥ 2."""
    from scipy.special import stdtrit  # scipy.stats takes ten times as long to import

    n = len(values)
    mean = statistics.fmean(values)
    reach = float(stdtrit(n - 1, (1.0 + confidence) / 2.0)) * statistics.stdev(values) / math.sqrt(n)
    return mean - reach, mean + reach


def welch(mine: Sequence[float], theirs: Sequence[float]) -> float | None:
    """Two-sided p-value that both have one mean, by unpaired values of unlike variance.

    Welch: The generalization of Student's problem when several different population variances are involved,
    Biometrika 1947. None where either has fewer than two values, or none of them varies.
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
