"""Tracks the best epoch, and decides when to stop early."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from engine.contract.config.evaluation import EvaluationConfig
from engine.contract.config.training import TrainingConfig
from engine.contract.events import Metrics


@dataclass
class BestValue:
    """The best value of a metric, its earliest epoch, and the number of validations since."""

    value: float = float("-inf")
    epoch: int = -1
    since: int = 0

    def update(self, epoch: int, value: float) -> bool:
        """Add a validation; return whether it is the best so far."""
        if value > self.value:
            self.value, self.epoch, self.since = value, epoch, 0
            return True
        self.since += 1
        return False


class EpochSelection:
    """Tracks the metric that selects the best epoch, and the one that early stopping watches."""

    def __init__(self, training: TrainingConfig, evaluation: EvaluationConfig) -> None:
        self.metric = evaluation.select_by
        self._protocol = evaluation.protocols[0]
        self._stopping = training.early_stopping
        self.best, self._watched = BestValue(), BestValue()

    def update(self, epoch: int, metrics: Metrics) -> bool:
        """Add a validation; return whether its epoch is the best so far."""
        values = metrics[self._protocol]
        if self._stopping:
            self._watched.update(epoch, values[self._stopping.metric or self.metric])
        return self.best.update(epoch, values[self.metric])

    def state(self) -> dict[str, Any]:
        """Return the state as JSON can hold it."""
        return {"best": _without_infinity(self.best), "watched": _without_infinity(self._watched)}

    def restore(self, state: dict[str, Any]) -> None:
        """Restore a `state`."""
        self.best, self._watched = (BestValue(**state[name]) for name in ("best", "watched"))

    @property
    def exhausted(self) -> bool:
        """Whether the watched metric has not improved for `patience` validations."""
        return self._stopping is not None and self._watched.since >= self._stopping.patience


def _without_infinity(best: BestValue) -> dict[str, Any]:
    return {name: value for name, value in asdict(best).items() if value != float("-inf")}
