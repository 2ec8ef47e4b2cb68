"""Settings of the data: the data set, filters and the split."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from engine.contract.config.base import SettingsGroup, refuse

GENERATED_DATASETS = ("random", "synthetic")


class Columns(SettingsGroup):
    """The columns of your own data: each a name in the header, or a position counted from 0."""

    user: int | str | None = Field(None, description="User ID column; default: found by its usual names")
    item: int | str | None = Field(None, description="Item ID column; default: found by its usual names")
    rating: int | str | None = Field(None, description="Rating column; without one, interactions are unrated")
    timestamp: int | str | None = Field(
        None, description="Time column: seconds or dates; without one, rows must be in time order"
    )

    @field_validator("user", "item", "rating", "timestamp")
    @classmethod
    def _name_or_position(cls, column: int | str | None) -> int | str | None:
        if column == "" or (isinstance(column, int) and column < 0):
            refuse(f"{column!r} is not a valid column; write its name, or its position counted from 0")
        return column

    @model_validator(mode="after")
    def _each_once(self) -> Columns:
        owners: dict[int | str, str] = {}
        for name, column in self:
            if column is not None and (owner := owners.setdefault(column, name)) != name:
                refuse(f"{column!r} is already the {owner} column; use another", f"data.columns.{name}")
        return self


class DataConfig(SettingsGroup):
    """The data set, its filters and its split."""

    dataset_name: Literal["ml-100k", "ml-1m", "ml-20m", "lt", "csv", "random", "synthetic"] = Field(
        "ml-1m",
        description="Data set, which also sets the format of its files; `csv`: your own csv, tsv, parquet, "
        ".inter or `user item` lines",
    )
    dataset_path: str | None = Field(
        None,
        description="The data set's file or folder; plain, .gz or .zip; relative to the TOML file",
    )
    columns: Columns | None = Field(None, description="Columns of your own data (dataset_name = `csv`)")
    min_rating: float = Field(0.0, description="Drop interactions with lower ratings")
    min_user_count: int = Field(5, ge=1, description="Drop users with fewer interactions")
    min_item_count: int = Field(0, ge=0, description="Drop items with fewer interactions")
    split: Literal["leave-two-out", "temporal"] = Field(
        "leave-two-out",
        description="leave-two-out: a user's last interaction is test, the one before it validation, the rest "
        "training; temporal: two times cut the data set, and a user's first interaction after each is held out",
    )
    temporal_fractions: list[Annotated[float, Field(gt=0.0, lt=1.0)]] = Field(
        [0.8, 0.9],
        min_length=2,
        max_length=2,
        description="Fractions of all interactions before the two cuts of the temporal split",
    )
    temporal_times: list[int] | None = Field(
        None,
        min_length=2,
        max_length=2,
        description="Unix times of the two cuts of the temporal split, instead of temporal_fractions",
    )
    random_user_count: int = Field(10, ge=1, le=100_000_000, description="Users in `random` and `synthetic`")
    random_item_count: int = Field(30, ge=2, le=100_000_000, description="Items in `random` and `synthetic`")
    random_size: int = Field(
        300, ge=1, le=2_000_000_000, description="Interactions in `random` and `synthetic`"
    )
    seed: int = Field(
        0, ge=0, lt=2**63, description="Seed of generated data sets and of evaluation negatives"
    )

    @field_validator("temporal_fractions", "temporal_times")
    @classmethod
    def _rising_cuts(cls, cuts: list[float] | None) -> list[float] | None:
        if cuts is not None and cuts[0] >= cuts[1]:
            refuse(f"the second cut ({cuts[1]}) must be after the first ({cuts[0]}); write the earlier first")
        return cuts

    @model_validator(mode="after")
    def _check_combinations(self) -> DataConfig:
        if self.columns and self.dataset_name != "csv":
            refuse(
                f'{self.dataset_name} has fixed columns; remove it, or use dataset_name = "csv"',
                "data.columns",
            )
        if self.temporal_times is not None and self.split != "temporal":
            refuse(
                f'has no effect with {self.split}; remove it, or use split = "temporal"',
                "data.temporal_times",
            )
        if self.split == "temporal" and self.dataset_name == "synthetic":
            refuse(
                "synthetic has no timestamps, which a temporal split needs; use leave-two-out, or random data",
                "data.split",
            )
        return self
