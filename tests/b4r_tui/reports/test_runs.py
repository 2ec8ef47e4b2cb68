"""Baselines in tables: all three where there is room, popularity alone where not, no empty columns for old runs."""

from __future__ import annotations

from typing import Any

import pytest

from b4r_tui.reports import runs
from b4r_tui.reports.leaderboard import leaderboard_table
from b4r_tui.reports.table import ReportTable, fitted
from b4r_tui.results.leaderboard import leaderboard
from b4r_tui.runs import summary as summaries
from engine.contract.events import Test

INTERVAL = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 60, "se": 0.05}


def summary(**baselines: float) -> dict[str, Any]:
    tables = {name: {"full": {"ndcg@10": {**INTERVAL, "value": value}}} for name, value in baselines.items()}
    test = Test(
        checkpoint_epoch=1,
        metrics={"full": {"ndcg@10": INTERVAL, "coverage@10": {"value": 0.25, "n": 60}}},
        baseline={"full": {"ndcg@10": {"value": 0.1}}},
        baselines=tables,
    )
    about = {"run_id": "20260101-000000-abcd", "experiment": "e", "protocol": "full", "select_by": "ndcg@10"}
    return {**about, **summaries.tested(test)}


def board_of(record: dict[str, Any]) -> ReportTable:
    return leaderboard_table(leaderboard([record])[0])


def titles(table: ReportTable, width: int = 200) -> list[str]:
    return [column.title for column in fitted(table, width).columns]


@pytest.mark.parametrize(
    "make", [lambda record: leaderboard_table(leaderboard([record])[0]), runs.tested_table]
)
def test_all_baselines_stand_where_there_is_room(make: Any) -> None:
    table = make(summary(random=0.01, popularity=0.1, markov=0.2))
    assert [title for title in titles(table) if title in ("popularity", "markov", "random")] == [
        "popularity",
        "markov",
        "random",
    ]
    assert "popularity" in titles(table, 50)
    assert not {"markov", "random"} & set(titles(table, 50))


@pytest.mark.parametrize(
    "make", [lambda record: leaderboard_table(leaderboard([record])[0]), runs.tested_table]
)
def test_a_run_of_an_older_engine_has_popularity_alone(make: Any) -> None:
    assert not {"markov", "random"} & set(titles(make(summary())))


def test_every_metric_is_a_row_and_no_part_of_its_interval_is() -> None:
    table = runs.tested_table(summary())
    assert [row[1].plain for row in table.rows] == ["ndcg@10", "coverage@10"]
    assert table.rows[1][3].plain == ""


def test_a_board_has_no_columns_that_nothing_fills() -> None:
    shown = [column.title for column in board_of(summary(popularity=0.1)).columns]
    assert shown == [
        "#",
        "experiment",
        "run",
        "mode",
        "epoch",
        "ndcg@10",
        "95 % interval",
        "popularity",
        "users",
    ]
