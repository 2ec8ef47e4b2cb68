"""Checks whether two runs of one config gave identical numbers: every loss and metric, bit for bit."""

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
    """A number that differs. epoch: from 0, None for the test; then, now: None if the number is missing."""

    epoch: int | None
    metric: str
    then: Number
    now: Number

    @property
    def sentence(self) -> str:
        """Return which number differs, where, and by how much."""
        where = "in the test" if self.epoch is None else f"in epoch {self.epoch}"
        by = "" if self.then is None or self.now is None else f", {self.now - self.then:+.3g}"
        return f"{self.metric} {where} was {self.then!r} and is {self.now!r}{by}"


@dataclass(frozen=True)
class RerunCheck:
    """compared: how many numbers were compared. differences: those that differ, in the order of training."""

    compared: int
    differences: list[Difference]

    @property
    def identical(self) -> bool:
        """Return whether there was anything to compare and all of it is equal."""
        return self.compared > 0 and not self.differences


def check_rerun(then: RunProgress, now: RunProgress) -> RerunCheck:
    """Compare losses and metrics of all epochs, and of the test with its intervals and baselines."""
    pairs = list(_pairs(then, now))
    return RerunCheck(len(pairs), [pair for pair in pairs if pair.then != pair.now])


def _pairs(then: RunProgress, now: RunProgress) -> Iterator[Difference]:
    for place, (one, other) in enumerate(zip_longest(then.history, now.history)):
        yield from _both(place, _of_epoch(one), _of_epoch(other))
    yield from _both(None, tested(then.test) if then.test else {}, tested(now.test) if now.test else {})


def _both(epoch: int | None, then: dict[str, Any], now: dict[str, Any]) -> Iterator[Difference]:
    for name in dict.fromkeys([*then, *now]):
        yield Difference(epoch, name, then.get(name), now.get(name))


def _of_epoch(epoch: Epoch | None) -> dict[str, Any]:
    """Return the numbers of an epoch that the seed determines; times and speeds are left out."""
    if epoch is None:
        return {}
    metrics = {
        f"{protocol}.{name}": value
        for protocol, values in epoch.metrics.items()
        for name, value in values.items()
    }
    return {"train_loss": epoch.train_loss, "lr": epoch.lr, **metrics}
