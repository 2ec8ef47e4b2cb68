"""Options of a `sweep` table, next to the settings it sweeps, and the notation of ranges."""

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
        description="grid: all combinations; random: uniform samples; optuna: each trial learns from earlier ones",
    )
    samples: int = Field(
        20, ge=1, le=MOST_RUNS, description="Points drawn by method random, or all points if there are fewer"
    )
    trials: int = Field(20, ge=1, le=MOST_RUNS, description="Trials of method optuna")
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of the samplers of random and optuna")
    seeds: list[Annotated[int, Field(ge=0, lt=2**63)]] | None = Field(
        None, min_length=1, description="Values of training.seed; each point runs once with each"
    )
    budget: str | None = Field(
        None,
        description="No run starts once the sweep's runs have taken this long, such as 4h, 90m or 1d 12h; running "
        "ones finish",
    )
    budget_runs: int | None = Field(
        None, ge=1, description="Maximum number of runs; a point runs with all its seeds or not at all"
    )
    prune: Literal["median", "hyperband"] | None = Field(
        None, description="Pruner of Optuna that stops bad trials after an epoch"
    )
    parallel: int = Field(
        1,
        ge=1,
        le=1000,
        description="Parallel trials; with more than 1 the order of results depends on timing",
    )

    @field_validator("budget")
    @classmethod
    def _time_span(cls, budget: str | None) -> str | None:
        if budget is not None and not seconds_of(budget):
            raise PydanticCustomError("setting", f"{budget!r} is not a time span; write e.g. '4h' or '90m'")
        return budget

    @model_validator(mode="after")
    def _mean_something(self) -> SweepOptions:
        for key, methods in _OF_METHODS.items():
            if key in self.model_fields_set and self.method not in methods:
                raise PydanticCustomError(
                    "setting",
                    f'has no effect with method = "{self.method}"; remove it, or use method = {" or ".join(methods)}',
                    {"key": key},
                )
        return self

    @property
    def budget_seconds(self) -> float | None:
        """Return the budget in seconds."""
        return None if self.budget is None else seconds_of(self.budget)


class RangeTable(SettingsGroup):
    """A range of numbers, both ends included."""

    low: int | float = Field(description="Minimum")
    high: int | float = Field(description="Maximum")
    log: bool = Field(False, description="Sample on a log scale")
    step: Annotated[int, Field(gt=0)] | Annotated[float, Field(gt=0)] | None = Field(
        None, description="Step between values, counted from low"
    )

    @model_validator(mode="after")
    def _is_a_range(self) -> RangeTable:
        if self.low >= self.high:
            _refuse("high", f"{self.high} must be greater than low = {self.low}; swap them")
        if self.log and self.low <= 0:
            _refuse("low", f"{self.low} has no logarithm; use a positive number, or log = false")
        if self.log and self.step is not None:
            _refuse("step", "cannot be combined with log; remove one of them")
        if self.step is not None and self.step > self.high - self.low:
            _refuse("step", f"{self.step} exceeds the width of the range; use a smaller step")
        return self


class ChoicesTable(SettingsGroup):
    """A list of values to choose from."""

    choices: list[Any] = Field(description="Values")


def seconds_of(span: str) -> float | None:
    """Return the seconds of a time span such as `1h 30m`; None if it is not one."""
    total, position = 0.0, 0
    while match := _PART.match(span, position):
        total, position = total + float(match[1]) * _UNITS[match[2]], match.end()
    return total if total > 0 and not span[position:].strip() else None


def _refuse(key: str, sentence: str) -> None:
    raise PydanticCustomError("setting", sentence, {"key": key})
