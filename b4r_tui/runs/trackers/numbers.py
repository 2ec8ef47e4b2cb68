"""Lists the numbers that trackers get: flat names, such as `validation/full/ndcg@10`, each at the step of its epoch."""

from __future__ import annotations

from dataclasses import dataclass

from b4r_tui.runs.progress import RunProgress
from engine.contract.events import Epoch, Intervals, Test


@dataclass(frozen=True)
class Number:
    """A number of a run. step: epoch, counted from 0; t: unix seconds when it was reported."""

    name: str
    value: float
    step: int
    t: float


def numbers_of(progress: RunProgress, times: dict[int, float], tested_at: float) -> list[Number]:
    """Return all numbers so far. times: when each epoch was reported."""
    numbers = [
        Number(name, value, epoch.epoch, times.get(epoch.epoch, 0.0))
        for epoch in progress.history
        for name, value in _of_epoch(epoch).items()
        if value is not None
    ]
    test = progress.test
    if test is None:
        return numbers
    of_test = _of_test(test).items()
    return numbers + [Number(name, value, test.checkpoint_epoch, tested_at) for name, value in of_test]


def _of_epoch(epoch: Epoch) -> dict[str, float]:
    return {
        "train/loss": epoch.train_loss,
        "train/lr": epoch.lr,
        "train/sequences_per_second": epoch.sequences_per_second,
        **{
            f"validation/{protocol}/{metric}": value
            for protocol, metrics in epoch.metrics.items()
            for metric, value in metrics.items()
        },
    }


def _of_test(test: Test) -> dict[str, float]:
    tables = {"test": test.metrics, "popularity": test.baseline}
    return {name: value for table, found in tables.items() for name, value in _flat(table, found).items()}


def _flat(table: str, intervals: Intervals) -> dict[str, float]:
    """Values, and of the test the ends of their intervals."""
    parts = {"value": "", "low": "/low", "high": "/high"} if table == "test" else {"value": ""}
    return {
        f"{table}/{protocol}/{metric}{ending}": interval[part]
        for protocol, metrics in intervals.items()
        for metric, interval in metrics.items()
        for part, ending in parts.items()
        if interval.get(part) is not None
    }
