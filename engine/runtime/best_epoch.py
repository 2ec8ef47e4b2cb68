"""Which epoch is best so far, and whether it is time to stop looking for a better one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from engine.contract.config.evaluation import EvaluationConfig
from engine.contract.config.training import TrainingConfig
from engine.contract.events import Metrics


@dataclass
class Best:
    """The best value of a metric so far, at its earliest epoch, and how long ago that was."""

    value: float = float("-inf")
    epoch: int = -1
    since: int = 0

    def update(self, epoch: int, value: float) -> bool:
        """Take in a validation; whether it is the best so far."""
        if value > self.value:
            self.value, self.epoch, self.since = value, epoch, 0
            return True
        self.since += 1
        return False


class Selection:
    """Follows the metric that selects the best epoch and the one that may end the run early."""

    def __init__(self, training: TrainingConfig, evaluation: EvaluationConfig) -> None:
        self.metric = evaluation.select_by
        self._protocol = evaluation.protocols[0]
        self._stopping = training.early_stopping
        self.best, self._watched = Best(), Best()

    def update(self, epoch: int, metrics: Metrics) -> bool:
        """Take in a validation; whether its epoch is the best so far."""
        values = metrics[self._protocol]
        if self._stopping:
            self._watched.update(epoch, values[self._stopping.metric or self.metric])
        return self.best.update(epoch, values[self.metric])

    def state(self) -> dict[str, Any]:
        """All that it knows, as JSON can hold it."""
        return {"best": _without_infinity(self.best), "watched": _without_infinity(self._watched)}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a `state`."""
        self.best, self._watched = (Best(**state[name]) for name in ("best", "watched"))

    @property
    def exhausted(self) -> bool:
        """Whether the watched metric has not improved for `patience` validations."""
        return self._stopping is not None and self._watched.since >= self._stopping.patience


def _without_infinity(best: Best) -> dict[str, Any]:
    return {name: value for name, value in asdict(best).items() if value != float("-inf")}
