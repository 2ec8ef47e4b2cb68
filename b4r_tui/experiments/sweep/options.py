"""What a `sweep` table may hold besides the settings it sweeps, and how a range is written."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from engine.contract.config.base import SettingsGroup

MOST_RUNS = 10_000
_OF_METHODS = {
    "samples": ("random",),
    "trials": ("optuna",),
    "seed": ("random", "optuna"),
    "prune": ("optuna",),
    "parallel": ("optuna",),
}
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([smhd])")


class SweepOptions(SettingsGroup):
    """How a sweep chooses its points and when it ends."""

    method: Literal["grid", "random", "optuna"] = Field(
        "grid",
        description="grid: all combinations; random: samples drawn evenly; optuna: each trial learns from those before",
    )
    samples: int = Field(
        20, ge=1, le=MOST_RUNS, description="Points that random draws; fewer where there are fewer"
    )
    trials: int = Field(20, ge=1, le=MOST_RUNS, description="Points that optuna tries")
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of random's draws and optuna's sampler")
    seeds: list[Annotated[int, Field(ge=0, lt=2**63)]] | None = Field(
        None, min_length=1, description="Each point runs once with each of these training.seed"
    )
    budget: str | None = Field(
        None,
        description="No run is started once runs of the sweep took that long, such as 4h, 90m or 1d 12h; those under "
        "way finish",
    )
    budget_runs: int | None = Field(
        None, ge=1, description="Most runs of the sweep; a point runs whole or not"
    )
    prune: Literal["median", "hyperband"] | None = Field(
        None, description="Stop trials that are bad after an epoch: optuna's pruner of that name"
    )
    parallel: int = Field(
        1, ge=1, le=1000, description="Trials at once; more than 1 depends on timing which is told first"
    )

    @field_validator("budget")
    @classmethod
    def _time_span(cls, budget: str | None) -> str | None:
        if budget is not None and not seconds_of(budget):
            raise PydanticCustomError(
                "setting", f"{budget!r} is no time span; write one such as '4h' or '90m'"
            )
        return budget

    @model_validator(mode="after")
    def _mean_something(self) -> SweepOptions:
        for key, methods in _OF_METHODS.items():
            if key in self.model_fields_set and self.method not in methods:
                raise PydanticCustomError(
                    "setting",
                    f'does nothing to method = "{self.method}"; remove it, or use method = {" or ".join(methods)}',
                    {"key": key},
                )
        return self

    @property
    def budget_seconds(self) -> float | None:
        """The budget in seconds."""
        return None if self.budget is None else seconds_of(self.budget)


class RangeTable(SettingsGroup):
    """A range of numbers, both ends included."""

    low: int | float = Field(description="Least number")
    high: int | float = Field(description="Greatest number")
    log: bool = Field(False, description="Draw evenly in the logarithm")
    step: Annotated[int, Field(gt=0)] | Annotated[float, Field(gt=0)] | None = Field(
        None, description="Distance between two numbers, counted from low"
    )

    @model_validator(mode="after")
    def _is_a_range(self) -> RangeTable:
        if self.low >= self.high:
            _refuse("high", f"{self.high} is not above low = {self.low}; write the lesser number as low")
        if self.log and self.low <= 0:
            _refuse("low", f"{self.low} has no logarithm; use a number above 0, or log = false")
        if self.log and self.step is not None:
            _refuse("step", "does not go with log; remove one of them")
        if self.step is not None and self.step > self.high - self.low:
            _refuse("step", f"{self.step} is more than the range is wide; use a smaller one")
        return self


class ChoicesTable(SettingsGroup):
    """Some values of which one is taken."""

    choices: list[Any] = Field(description="Values")


def seconds_of(span: str) -> float | None:
    """Seconds of a time span such as `1h 30m`; None where it is none."""
    total, position = 0.0, 0
    while match := _PART.match(span, position):
        total, position = total + float(match[1]) * _UNITS[match[2]], match.end()
    return total if total > 0 and not span[position:].strip() else None


def _refuse(key: str, sentence: str) -> None:
    raise PydanticCustomError("setting", sentence, {"key": key})
