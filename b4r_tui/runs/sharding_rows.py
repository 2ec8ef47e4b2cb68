"""The placement of a run's embedding tables: a row per table and rank, from its `run_started` event."""

from __future__ import annotations

from typing import Any

from b4r_tui.common.format import NOTHING

TITLES = ("table", "sharding", "kernel", "rank", "rows", "columns", "weights", "optimiser")
_MB = 10**6


def plan_rows(plan: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return cells under TITLES, tables in the order of the plan; the last two are bytes as text."""
    return [
        (table["table"], table["sharding"], table["kernel"], *_cells(shard))
        for table in plan
        for shard in table["shards"]
    ]


def total_bytes(plan: list[dict[str, Any]]) -> dict[int, int]:
    """Return rank → bytes of its weights and optimiser states."""
    totals: dict[int, int] = {}
    for table in plan:
        for shard in table["shards"]:
            mine = shard["weight_bytes"] + shard["optimiser_bytes"]
            totals[shard["rank"]] = totals.get(shard["rank"], 0) + mine
    return dict(sorted(totals.items()))


def size(count: int) -> str:
    """Return a number of bytes as text, in MB or, if small, in kB."""
    return f"{count / _MB:,.1f} MB" if count >= _MB else f"{count / 1000:,.1f} kB"


def _cells(shard: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(shard["rank"]),
        _span(*shard["rows"]),
        _span(*shard["columns"]),
        size(shard["weight_bytes"]),
        size(shard["optimiser_bytes"]),
    )


def _span(first: int, end: int) -> str:
    """Return the first and last of a half-open range, as text."""
    return f"{first:,}–{end - 1:,}" if end > first else NOTHING
