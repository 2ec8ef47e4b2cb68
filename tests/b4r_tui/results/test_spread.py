"""Mean, t interval and Welch's test over seeds equal SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from b4r_tui.results.spread import score, t_interval, welch

values = st.lists(st.floats(0.0, 1.0).map(lambda x: round(x, 6)), min_size=2, max_size=12)


@given(values)
def test_the_interval_is_scipys_t_interval(sample: list[float]) -> None:
    if np.std(sample) > 1e-6:  # scipy has no interval of a scale of 0
        expected = stats.t.interval(0.95, len(sample) - 1, loc=np.mean(sample), scale=stats.sem(sample))
        assert t_interval(sample) == pytest.approx(expected, rel=1e-9)
    else:
        assert t_interval(sample) == pytest.approx([np.mean(sample)] * 2, abs=1e-5)


@given(values, values)
def test_welch_is_scipys(mine: list[float], theirs: list[float]) -> None:
    if min(np.std(mine), np.std(theirs)) > 1e-6:
        expected = stats.ttest_ind(mine, theirs, equal_var=False).pvalue
        assert welch(mine, theirs) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_welch_says_nothing_of_one_seed_or_of_runs_that_never_differ() -> None:
    assert welch([0.1], [0.2, 0.3]) is None
    assert welch([0.1, 0.1], [0.2, 0.2]) is None


def test_one_run_keeps_its_own_interval_over_users() -> None:
    alone, three = score([0.2], 0.1, 0.3), score([0.1, 0.2, 0.3], 0.0, 1.0)
    assert (alone.value, alone.sd, alone.low, alone.high, alone.over) == (0.2, None, 0.1, 0.3, "users")
    assert (three.value, three.sd, three.over) == (pytest.approx(0.2), pytest.approx(0.1), "seeds")
    assert (three.low, three.high) == pytest.approx((0.2 - 4.302652730 * 0.1 / 3**0.5, 0.2 + 0.248413770))
