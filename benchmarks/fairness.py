"""Measures time and memory of the fairness metrics at the size of MovieLens 1M, from random scores.

6,040 users x 3,416 items, 18 overlapping item groups, two user groups: lists of 100, the static ranking and 8
temperatures with 100 drawn rankings each. Ranking the users is not part of it; the sampling and all metrics are.

    python -m benchmarks.fairness [--samples N] [--json]
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time

import numpy as np
from scipy.sparse import csr_array

from engine.evaluation.fairness.exposure import discounts
from engine.evaluation.fairness.rankings import Rankings
from engine.evaluation.fairness.target import target_exposure
from engine.evaluation.fairness.tradeoff import Draws, Point, Reference, trade_off

USERS, ITEMS, LENGTH, GENRES = 6_040, 3_416, 100, 18
TEMPERATURES = (8.0, 4.0, 2.0, 1.0, 0.5, 0.25, 0.125, 0.0625)
LIMIT_SECONDS, LIMIT_MB = 180.0, 2_048.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=100, help="rankings per user and temperature (100)")
    parser.add_argument("--json", action="store_true", help="JSON instead of a line")
    arguments = parser.parse_args()
    seconds, points = measure(arguments.samples)
    result = {
        "seconds": round(seconds, 2),
        "limit_seconds": LIMIT_SECONDS,
        "peak_mb": round(peak_mb(), 1),
        "limit_mb": LIMIT_MB,
        "rankings": USERS * arguments.samples * len(TEMPERATURES),
        "ndcg@10": {str(point.temperature): round(point.ndcg, 4) for point in points},
    }
    print(json.dumps(result, indent=1) if arguments.json else as_line(result))


def measure(samples: int) -> tuple[float, list[Point]]:
    """Return the seconds taken and the points."""
    rankings = random_rankings()
    start = time.perf_counter()
    reference = random_reference(rankings)
    points = list(trade_off(rankings, reference, discounts(LENGTH), Draws(TEMPERATURES, samples, 0)))
    return time.perf_counter() - start, points


def random_rankings() -> Rankings:
    """Return the best 100 of normal scores for each user, drawn a few users at a time; any item may be held out."""
    generator = np.random.default_rng(0)
    items = np.empty((USERS, LENGTH), np.int32)
    scores = np.empty((USERS, LENGTH))
    for first in range(0, USERS, 500):
        table = generator.normal(size=(min(500, USERS - first), ITEMS))
        best = np.argsort(-table, axis=1)[:, :LENGTH]
        items[first : first + 500], scores[first : first + 500] = best, np.take_along_axis(table, best, 1)
    return Rankings(np.arange(USERS), items, scores, generator.integers(0, ITEMS, USERS).astype(np.int32))


def random_reference(rankings: Rankings) -> Reference:
    """Return a target of the held-out items, two user groups, and genres with a tenth of the items each."""
    generator = np.random.default_rng(1)
    relevant = csr_array((np.ones(USERS), (np.arange(USERS), rankings.targets)), shape=(USERS, ITEMS))
    first = generator.random(USERS) < 0.3
    return Reference(
        target_exposure(relevant),
        csr_array(np.stack([first, ~first]).astype(float)),
        csr_array((generator.random((GENRES, ITEMS)) < 0.1).astype(float)),
    )


def peak_mb() -> float:
    """Return the peak resident memory of this process, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def as_line(result: dict[str, object]) -> str:
    """Format the figures as text."""
    return (
        f"{result['rankings']:,} rankings of {LENGTH}: {result['seconds']} s [{LIMIT_SECONDS:g} s], "
        f"peak {result['peak_mb']} MiB [{LIMIT_MB:g} MiB]"
    )


if __name__ == "__main__":
    main()
