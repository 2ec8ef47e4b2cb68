"""Who is best, among what may be compared."""

from __future__ import annotations

from typing import Any

from b4r_tui.results.leaderboard import leaderboard


def summary(run_id: str, value: float | None = 0.5, **other: Any) -> dict[str, Any]:
    record = {
        "run_id": run_id,
        "experiment": "e" + run_id,
        "mode": "ddp",
        "ranks": 1,
        "protocol": "full",
        "select_by": "ndcg@10",
        "dataset": "synthetic",
        "fingerprint": "f1",
        "baseline.full.ndcg@10": 0.1,
        "test.full.ndcg@10.low": 0.4,
        "test.full.ndcg@10.n": 600,
        **other,
    }
    return record if value is None else {**record, "test.full.ndcg@10": value}


def ids(summaries: list[dict[str, Any]], metric: str | None = None) -> list[list[str]]:
    return [[row.run_id for row in board.rows] for board in leaderboard(summaries, metric)]


def test_the_best_stands_first_and_the_untested_do_not_stand() -> None:
    assert ids([summary("1", 0.2), summary("2", 0.7), summary("3", None), summary("4", 0.0)]) == [
        ["2", "1", "4"]
    ]


def test_a_row_carries_interval_users_and_baselines() -> None:
    (board,) = leaderboard([summary("1", **{"baselines.markov.full.ndcg@10": 0.3})])
    row = board.rows[0]
    assert (row.low, row.high, row.n, row.popularity, row.fingerprint) == (0.4, None, 600, 0.1, "f1")
    assert (row.markov, row.random) == (0.3, None)
    assert (board.protocol, board.metric, board.as_json()["split"]) == ("full", "ndcg@10", "test")


def test_what_differs_in_protocol_data_or_metric_is_never_ranked_together() -> None:
    runs = [
        summary("1"),
        summary("2", fingerprint="f2"),
        summary("3", protocol="uniform-100", **{"test.uniform-100.ndcg@10": 0.9}),
        summary("4", select_by="mrr", **{"test.full.mrr": 0.3}),
        summary("5", 0.6),
    ]
    assert ids(runs) == [["5", "1"], ["2"], ["3"], ["4"]]


def test_runs_with_other_negatives_are_never_ranked_together() -> None:
    def sampled(run_id: str, value: float, negatives: str) -> dict[str, Any]:
        found = {"test.popular-100.ndcg@10": value, "negatives.popular-100": negatives}
        return summary(run_id, protocol="popular-100", **found)

    boards = leaderboard([sampled("1", 0.1, "a"), sampled("2", 0.2, "b"), sampled("3", 0.3, "a")])
    assert [(board.negatives, [row.run_id for row in board.rows]) for board in boards] == [
        ("a", ["3", "1"]),
        ("b", ["2"]),
    ]
    assert ids([summary("4", **{"negatives.popular-100": "a"}), summary("5", 0.4)]) == [["4", "5"]], (
        "negatives of another protocol do not matter"
    )


def test_a_metric_of_choice_ranks_all_that_have_it() -> None:
    runs = [summary("1", **{"test.full.mrr": 0.2}), summary("2", select_by="mrr", **{"test.full.mrr": 0.3})]
    assert ids([*runs, summary("3")], "mrr") == [["2", "1"]]
