"""The plan of a run as rows for people."""

from b4r_tui.runs.sharding_rows import TITLES, plan_rows, size, total_bytes


def shard(rank: int, rows: list[int], weights: int, states: int) -> dict[str, object]:
    columns = [0, 64]
    return {
        "rank": rank,
        "rows": rows,
        "columns": columns,
        "weight_bytes": weights,
        "optimiser_bytes": states,
    }


PLAN = [
    {
        "table": "item",
        "sharding": "row_wise",
        "kernel": "fused",
        "shards": [shard(1, [5000, 5000], 0, 0), shard(0, [0, 5000], 1_280_000, 20_000)],
    },
    {"table": "output", "sharding": "row_wise", "kernel": "dense", "shards": [shard(1, [1, 2], 256, 512)]},
]


def test_a_row_for_each_piece_and_sums_for_each_rank() -> None:
    assert plan_rows(PLAN)[1] == (
        "item",
        "row_wise",
        "fused",
        "0",
        "0–4,999",
        "0–63",
        "1.3 MB",
        "20.0 kB",
    )
    assert plan_rows(PLAN)[0][4] == "–"
    assert all(len(row) == len(TITLES) for row in plan_rows(PLAN))
    assert total_bytes(PLAN) == {0: 1_300_000, 1: 768}
    assert list(total_bytes(PLAN)) == [0, 1]


def test_a_run_that_tells_no_plan_has_no_rows() -> None:
    assert plan_rows([]) == []
    assert total_bytes([]) == {}
    assert size(0) == "0.0 kB"
