"""The funnel of a run's data: what each step left and took."""

from __future__ import annotations

from b4r_tui.runs.data_funnel import Step, funnel_of


def test_a_step_took_what_the_one_before_it_had_left() -> None:
    told = [
        {"name": "read", "interactions": 100, "users": 9, "items": 8},
        {"name": "min_rating", "interactions": 70, "users": 9, "items": 5},
        {"name": "repeated", "interactions": 70, "users": 9, "items": 5},
    ]
    assert funnel_of({"funnel": told}) == [
        Step("read", (100, 9, 8), (0, 0, 0)),
        Step("min_rating", (70, 9, 5), (30, 0, 3)),
        Step("repeat until stable (k-core)", (70, 9, 5), (0, 0, 0)),
    ]


def test_a_run_that_tells_no_funnel_has_no_steps() -> None:
    assert funnel_of({}) == funnel_of({"funnel": None}) == []
