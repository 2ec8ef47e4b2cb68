"""Whether two runs of one config said the same: every loss and metric, to the last bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from b4r_tui.runs.progress import RunProgress
from b4r_tui.runs.summary import tested
from engine.contract.events import Epoch

Number = float | int | None


@dataclass(frozen=True)
class Difference:
    """A number that is not the same. epoch counts from 0, None for the test; a missing number is None."""

    epoch: int | None
    metric: str
    then: Number
    now: Number

    @property
    def sentence(self) -> str:
        """Which, where, and by how much."""
        where = "in the test" if self.epoch is None else f"in epoch {self.epoch}"
        by = "" if self.then is None or self.now is None else f", {self.now - self.then:+.3g}"
        return f"{self.metric} {where} was {self.then!r} and is {self.now!r}{by}"


@dataclass(frozen=True)
class Comparison:
    """All numbers that were compared, and those that differ in the order of training."""

    compared: int
    differences: list[Difference]

    @property
    def identical(self) -> bool:
        """Whether there was something to compare and all of it is the same."""
        return self.compared > 0 and not self.differences


def compare_runs(then: RunProgress, now: RunProgress) -> Comparison:
    """Compare losses and metrics of all epochs, and of the test with its intervals and baselines."""
    pairs = list(_pairs(then, now))
    return Comparison(len(pairs), [pair for pair in pairs if pair.then != pair.now])


def _pairs(then: RunProgress, now: RunProgress) -> Iterator[Difference]:
    for place, (one, other) in enumerate(zip_longest(then.history, now.history)):
        yield from _both(place, _of_epoch(one), _of_epoch(other))
    yield from _both(None, tested(then.test) if then.test else {}, tested(now.test) if now.test else {})


def _both(epoch: int | None, then: dict[str, Any], now: dict[str, Any]) -> Iterator[Difference]:
    for name in dict.fromkeys([*then, *now]):
        yield Difference(epoch, name, then.get(name), now.get(name))


def _of_epoch(epoch: Epoch | None) -> dict[str, Any]:
    """What of an epoch the seed decides: neither time nor speed."""
    if epoch is None:
        return {}
    metrics = {
        f"{protocol}.{name}": value
        for protocol, values in epoch.metrics.items()
        for name, value in values.items()
    }
    return {"train_loss": epoch.train_loss, "lr": epoch.lr, **metrics}
