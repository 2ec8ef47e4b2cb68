"""Settings of the data: which interactions, and what is kept of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from engine.contract.config.base import SettingsGroup, refuse

GENERATED_DATASETS = ("random", "synthetic")


class Columns(SettingsGroup):
    """Which columns of one's own data hold what: a name in the header, or a position counted from 0."""

    user: int | str | None = Field(None, description="Column of user ids; default the one with a usual name")
    item: int | str | None = Field(None, description="Column of item ids; default the one with a usual name")
    rating: int | str | None = Field(None, description="Column of ratings; without one, none is rated")
    timestamp: int | str | None = Field(
        None, description="Column of times: seconds or dates; without one, rows are in time order"
    )

    @field_validator("user", "item", "rating", "timestamp")
    @classmethod
    def _name_or_position(cls, column: int | str | None) -> int | str | None:
        if column == "" or (isinstance(column, int) and column < 0):
            raise PydanticCustomError(
                "setting", f"{column!r} is no column; give its name, or its position counted from 0"
            )
        return column

    @model_validator(mode="after")
    def _each_once(self) -> Columns:
        chosen = [(name, column) for name, column in self if column is not None]
        for place, (name, column) in enumerate(chosen):
            for other, same in chosen[:place]:
                if column == same:
                    refuse(f"data.columns.{name}", f"{column!r} is the {other} already; name another column")
        return self


class DataConfig(SettingsGroup):
    """Which interactions, and what is kept of them."""

    dataset_name: Literal["ml-100k", "ml-1m", "ml-20m", "lt", "csv", "random", "synthetic"] = Field(
        "ml-1m",
        description="Data set, which also names the format of its files; `csv`: your own csv, tsv, parquet, "
        ".inter or `user item` lines",
    )
    dataset_path: str | None = Field(
        None,
        description="The data set's file, or its folder; plain, .gz or .zip; a relative path starts at the TOML file",
    )
    columns: Columns | None = Field(None, description="Columns of your own data (dataset_name = `csv`)")
    min_rating: float = Field(0.0, description="Interactions rated lower are dropped")
    min_user_count: int = Field(5, ge=1, description="Users with fewer interactions are dropped")
    min_item_count: int = Field(0, ge=0, description="Items with fewer interactions are dropped")
    split: Literal["leave-two-out", "temporal"] = Field(
        "leave-two-out",
        description="leave-two-out: last interaction of a user is test, the one before it validation, the rest "
        "training; temporal: two times cut the whole data set, a user's first interaction after each is held out",
    )
    temporal_fractions: list[Annotated[float, Field(gt=0.0, lt=1.0)]] = Field(
        [0.8, 0.9],
        min_length=2,
        max_length=2,
        description="Shares of all interactions before the two cuts of the temporal split",
    )
    temporal_times: list[int] | None = Field(
        None,
        min_length=2,
        max_length=2,
        description="Unix times of the two cuts of the temporal split, instead of temporal_fractions",
    )
    random_user_count: int = Field(10, ge=1, le=100_000_000, description="Users of `random` and `synthetic`")
    random_item_count: int = Field(30, ge=2, le=100_000_000, description="Items of `random` and `synthetic`")
    random_size: int = Field(
        300, ge=1, le=2_000_000_000, description="Interactions of `random` and `synthetic`"
    )
    seed: int = Field(
        0, ge=0, lt=2**63, description="Seed of generated data sets and of evaluation negatives"
    )

    @field_validator("temporal_fractions", "temporal_times")
    @classmethod
    def _rising_cuts(cls, cuts: list[float] | None) -> list[float] | None:
        if cuts is not None and cuts[0] >= cuts[1]:
            raise PydanticCustomError(
                "setting",
                f"the second cut {cuts[1]} is not after the first, {cuts[0]}; write the earlier first",
            )
        return cuts

    @model_validator(mode="after")
    def _fits_together(self) -> DataConfig:
        if self.columns and self.dataset_name != "csv":
            refuse(
                "data.columns",
                f'{self.dataset_name} has columns of its own; remove it, or use dataset_name = "csv"',
            )
        if self.temporal_times is not None and self.split != "temporal":
            refuse(
                "data.temporal_times",
                f"cuts of a temporal split do nothing to {self.split}; remove them or set split to temporal",
            )
        if self.split == "temporal" and self.dataset_name == "synthetic":
            refuse(
                "data.split",
                "synthetic says in which order interactions came but not when, which a temporal split needs; "
                "use leave-two-out, or random",
            )
        return self
