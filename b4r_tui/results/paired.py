"""Paired comparison of two models on the same users: randomisation test, bootstrap interval, wins and losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.contract.ranks.intervals import bootstrap

RESAMPLES = 9_999
_EXACT = 13  # up to so many differences all 2ⁿ sign patterns are tried: fewer than RESAMPLES
_CHUNK_CELLS = 1 << 22
_TIE = 1e-12  # smaller differences come from the order of summation


@dataclass(frozen=True)
class Paired:
    """Mine minus theirs per user. difference: the mean; low, high: its 95 % bootstrap interval over users.

    p: of the randomisation test. wins, ties, losses: users for whom mine is higher, equal, lower.
    """

    difference: float
    low: float
    high: float
    p: float
    wins: int
    ties: int
    losses: int


def paired(mine: np.ndarray, theirs: np.ndarray, seed: int = 0) -> Paired:
    """Compare two models by a metric's values for the same users, both (users,) float64, higher being better."""
    differences = mine - theirs
    differences = np.where(np.abs(differences) < _TIE, 0.0, differences)
    interval = bootstrap({"difference": differences}, seed=seed)["difference"]
    wins, losses = int((differences > 0).sum()), int((differences < 0).sum())
    return Paired(
        difference=interval["value"],
        low=interval["low"],
        high=interval["high"],
        p=randomisation_test(differences, seed=seed),
        wins=wins,
        ties=len(differences) - wins - losses,
        losses=losses,
    )


def randomisation_test(differences: np.ndarray, resamples: int = RESAMPLES, seed: int = 0) -> float:
    """Two-sided p-value of the mean of paired differences, (users,) float64, if the labels of a pair were exchangeable.

    Under that hypothesis each difference has either sign with equal chance (Fisher: The Design of Experiments,
    1935, §21; for rankings Smucker, Allan, Carterette: A comparison of statistical significance tests for
    information retrieval evaluation, CIKM 2007). p is the share of sign patterns whose mean is at least as far from
    0: of all patterns for few differences, else (1 + extreme) / (1 + resamples) of random ones (Phipson, Smyth:
    Permutation p-values should never be zero, 2010). Users without a difference change nothing and are left out.
    """
    nonzero = differences[differences != 0.0]
    if not len(nonzero):
        return 1.0
    least = (
        abs(nonzero.sum()) - 1e-9 * np.abs(nonzero).sum()
    )  # sums that are equal up to their order count as equal
    if len(nonzero) <= _EXACT:
        return float((np.abs(_all_sums(nonzero)) >= least).mean())
    extreme = sum(int((np.abs(sums) >= least).sum()) for sums in _drawn_sums(nonzero, resamples, seed))
    return (1 + extreme) / (1 + resamples)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values corrected for their number, in the order given.

    Holm: A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 1979. The i-th
    smallest of m is multiplied by m - i + 1, is at least as large as the one before it, and at most 1.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected, highest = [0.0] * len(p_values), 0.0
    for place, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[index]))
        corrected[index] = highest
    return corrected


def _all_sums(differences: np.ndarray) -> np.ndarray:
    """(2ⁿ,) sums of n differences with every pattern of signs."""
    sums = np.zeros(1)
    for difference in differences:
        sums = np.concatenate((sums - difference, sums + difference))
    return sums


def _drawn_sums(differences: np.ndarray, resamples: int, seed: int) -> list[np.ndarray]:
    """Sums of the differences with signs drawn at random, `resamples` of them in pieces."""
    generator, n = np.random.default_rng(seed), len(differences)
    step = max(1, _CHUNK_CELLS // n)
    sums = []
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        bits = np.unpackbits(generator.integers(0, 256, (rows, -(-n // 8)), dtype=np.uint8), axis=1, count=n)
        sums.append(differences.sum() - 2.0 * (bits.astype(np.float64) @ differences))
    return sums
