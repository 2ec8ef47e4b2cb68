"""Settings of the evaluation: metrics, protocols, and how the best epoch is selected."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field, field_validator

from engine.contract.config.base import SettingsGroup, refuse

METRIC_NAMES = ("recall", "precision", "ndcg", "map", "mrr")
PROTOCOL_PATTERN = re.compile(r"full|(popular|uniform)-([1-9][0-9]{0,5})")


class EvaluationConfig(SettingsGroup):
    """Metrics, protocols, and how the best epoch is selected."""

    metric_ks: list[Annotated[int, Field(ge=1, le=1_000_000)]] = Field(
        [1, 5, 10, 20, 50, 100], min_length=1, description="Cutoffs of recall, precision, ndcg, map and mrr"
    )
    protocols: list[str] = Field(
        ["full", "popular-100"],
        min_length=1,
        description="Candidates: `full` (all unseen items), `popular-N` or `uniform-N` (N sampled negatives)",
    )
    select_by: str = Field(
        "ndcg@10", description="Validation metric of the first protocol that selects the best epoch"
    )
    val_batch_size: int = Field(128, ge=1, le=1_000_000, description="Users per validation batch and rank")
    test_batch_size: int = Field(128, ge=1, le=1_000_000, description="Users per test batch and rank")
    block_mb: int = Field(128, ge=1, le=1_000_000, description="Memory per rank for scores, in MB")
    pth: str = Field("best", description="Checkpoint to test: `best`, `last`, a file name or a path")
    every: int = Field(1, ge=1, description="Epochs between validations; the last epoch is always validated")

    @field_validator("protocols")
    @classmethod
    def _known_protocols(cls, protocols: list[str]) -> list[str]:
        for protocol in protocols:
            if not PROTOCOL_PATTERN.fullmatch(protocol):
                refuse(
                    f"'{protocol}' is not a valid protocol; use full, popular-N or uniform-N, e.g. popular-100"
                )
        if len(set(protocols)) < len(protocols):
            refuse("a protocol is listed twice; list each once")
        return protocols

    @field_validator("metric_ks")
    @classmethod
    def _rising_cutoffs(cls, cutoffs: list[int]) -> list[int]:
        return sorted(set(cutoffs))

    @field_validator("select_by")
    @classmethod
    def _known_metric(cls, metric: str, info: Any) -> str:
        check_metric(metric, info.data.get("metric_ks"))
        return metric


def check_metric(metric: str, cutoffs: list[int] | None, key: str | None = None) -> None:
    """Refuse a metric that validation would not compute, such as `ndcg@7` if 7 is not a cutoff."""
    name, _, cutoff = metric.partition("@")
    if metric == "mrr" or (
        name in METRIC_NAMES and cutoff.isdecimal() and (cutoffs is None or int(cutoff) in cutoffs)
    ):
        return
    known = ", ".join(f"{name}@{k}" for name in METRIC_NAMES for k in (cutoffs or [10])[:3])
    refuse(f"'{metric}' is not measured; use mrr or a metric at a cutoff of metric_ks, e.g. {known}", key)
