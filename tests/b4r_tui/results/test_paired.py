"""The paired tests equal SciPy's, and Holm's correction equals a hand calculation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from b4r_tui.results.paired import RESAMPLES, holm, paired, randomisation_test

GAINS = [0.0, 0.3, 0.5, 0.6309, 1.0]  # as ndcg has them: few values, many equal


def scipys(differences: np.ndarray) -> float:
    """The p-value over all patterns of signs."""
    found = stats.permutation_test(
        (differences, np.zeros_like(differences)),
        lambda mine, theirs, axis: (mine - theirs).mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    return float(found.pvalue)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(GAINS), st.sampled_from(GAINS)), min_size=2, max_size=9))
def test_few_users_have_the_exact_p_value_of_scipy(pairs: list[tuple[float, float]]) -> None:
    mine, theirs = np.array(pairs).T
    assert randomisation_test(mine - theirs) == pytest.approx(scipys(mine - theirs), abs=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.15, 0.4])
def test_many_users_have_it_within_the_error_of_drawing(shift: float) -> None:
    differences = np.random.default_rng(3).normal(shift, 0.5, 16)
    exact = scipys(differences)
    error = 4 * (exact * (1 - exact) / RESAMPLES) ** 0.5 + 1 / RESAMPLES
    assert randomisation_test(differences) == pytest.approx(exact, abs=error)


def test_it_agrees_with_the_paired_t_test_where_users_are_many() -> None:
    generator = np.random.default_rng(5)
    mine, theirs = generator.choice(GAINS, 500), generator.choice(GAINS, 500)
    expected = stats.ttest_rel(mine, theirs).pvalue
    assert 0.05 < expected < 0.95
    assert paired(mine, theirs).p == pytest.approx(expected, abs=0.03)


def test_a_clear_difference_has_the_least_p_that_drawing_can_show() -> None:
    assert randomisation_test(np.full(200, 0.1)) == 1 / (1 + RESAMPLES)
    assert randomisation_test(np.zeros(200)) == 1.0


def test_wins_ties_and_losses_are_users() -> None:
    found = paired(np.array([1.0, 0.5, 0.3, 0.1 + 0.2]), np.array([0.0, 0.6, 0.2, 0.3]))
    assert (found.wins, found.ties, found.losses) == (2, 1, 1), "0.1 + 0.2 and 0.3 tie"
    assert found.difference == pytest.approx(0.25)
    assert found.low <= found.difference <= found.high


def test_the_interval_is_about_scipys_bootstrap() -> None:
    mine, theirs = np.random.default_rng(1).random((2, 400))
    found = paired(mine, theirs)
    expected = stats.bootstrap(
        (mine - theirs,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(0)
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.006)


def test_holm_by_hand() -> None:
    # 4 × 0.005 = 0.02, 3 × 0.01 = 0.03, 2 × 0.03 = 0.06, then 0.04 rises to the 0.06 before it
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0.0, 1.0), max_size=8))
def test_holm_keeps_the_order_and_lies_between_none_and_bonferroni(p_values: list[float]) -> None:
    found = holm(p_values)
    for p, corrected in zip(p_values, found, strict=True):
        assert p <= corrected <= min(1.0, len(p_values) * p)
    assert [found[i] for i in np.argsort(p_values, kind="stable")] == sorted(found)
