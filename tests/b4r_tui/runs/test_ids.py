"""Run ids sort by time and are read back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from b4r_tui.runs.ids import RUN_ID_PATTERN, TICKS, run_id_at

MOMENTS = st.integers(0, 8_000_000_000 * TICKS)  # to the year 2223


@given(MOMENTS, MOMENTS)
def test_ids_sort_as_their_moments_do(one: int, other: int) -> None:
    assert (run_id_at(one) < run_id_at(other)) == (one < other)


@given(MOMENTS)
def test_an_id_has_the_form_of_one(moment: int) -> None:
    assert RUN_ID_PATTERN.fullmatch(run_id_at(moment))


def test_an_id_tells_the_time_in_utc() -> None:
    assert run_id_at(1_700_000_000 * TICKS + 31) == "20231114-221320-000z"
