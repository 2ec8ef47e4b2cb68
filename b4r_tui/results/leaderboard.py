"""Leaderboards: which run is best, among runs whose numbers may be compared at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from b4r_tui.results.summary import Summary

Comparable = tuple[str, str, str, str, str]  # protocol, metric, data set, fingerprint, negatives


@dataclass(frozen=True)
class Row:
    """A run's place. value, low and high: the metric on the test split with its 95 % interval; n: users.

    popularity, random, markov: the metric of these baselines, for the same users and candidates.
    fingerprint: of the split, which is that of the board.
    """

    run_id: str
    experiment: str
    mode: str
    ranks: int
    tested_epoch: int | None
    value: float
    low: float | None
    high: float | None
    n: int | None
    popularity: float | None
    fingerprint: str = ""
    random: float | None = None
    markov: float | None = None


@dataclass(frozen=True)
class Board:
    """Runs that may be ranked together, best first: one protocol, one split, one metric.

    fingerprint: of the split. negatives: of those that a sampled protocol drew, empty for `full`.
    """

    protocol: str
    metric: str
    dataset: str
    fingerprint: str
    negatives: str
    rows: list[Row]

    def as_json(self) -> dict[str, Any]:
        """The board as plain data, its split named."""
        return {**asdict(self), "split": "test"}


def leaderboard(summaries: Iterable[Summary], metric: str | None = None) -> list[Board]:
    """Boards of all runs that were tested, each under its own first protocol.

    metric: what to sort by; None takes the one each run selected its best epoch by.
    Runs of different protocols, splits, negatives or metrics stand on different boards.
    """
    groups: dict[Comparable, list[Row]] = {}
    for summary in summaries:
        row = _row(summary, metric or summary.get("select_by", ""))
        if row is not None:
            groups.setdefault(_comparable(summary, metric), []).append(row)
    return [Board(*key, sorted(rows, key=lambda row: -row.value)) for key, rows in groups.items()]


def _comparable(summary: Summary, metric: str | None) -> Comparable:
    """What two runs must have in common to be ranked together."""
    return (
        str(summary["protocol"]),
        metric or str(summary["select_by"]),
        str(summary.get("dataset") or ""),
        str(summary.get("fingerprint") or ""),
        str(summary.get(f"negatives.{summary['protocol']}") or ""),
    )


def _row(summary: Summary, metric: str) -> Row | None:
    key = f"{summary.get('protocol')}.{metric}"
    value = summary.get(f"test.{key}")
    if value is None:
        return None
    return Row(
        run_id=summary["run_id"],
        experiment=summary["experiment"],
        mode=summary.get("mode", ""),
        ranks=summary.get("ranks", 0),
        tested_epoch=summary.get("tested_epoch"),
        value=value,
        low=summary.get(f"test.{key}.low"),
        high=summary.get(f"test.{key}.high"),
        n=summary.get(f"test.{key}.n"),
        popularity=summary.get(f"baseline.{key}"),
        fingerprint=str(summary.get("fingerprint") or ""),
        random=summary.get(f"baselines.random.{key}"),
        markov=summary.get(f"baselines.markov.{key}"),
    )
