"""The comparison's statistics agree with scipy and with manual arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from benchmarks.quality_table import against_peer, as_table, compare, interval, paired_bootstrap, row_of


def result(library: str, seed: int, ndcg: np.ndarray) -> dict[str, Any]:
    return {
        "library": library,
        "seed": seed,
        "users": list(range(len(ndcg))),
        "ndcg": ndcg.tolist(),
        "recall": (ndcg > 0).astype(float).tolist(),
        "best_epoch": 3,
        "seconds": 10.0,
        "settings": {"lr": 1e-3, "mask_prob": 0.2, "dropout": 0.1},
    }


def five_seeds(library: str, shift: float) -> list[dict[str, Any]]:
    users = np.random.default_rng(0).random(200)
    noise = np.random.default_rng(1 if library == "ours" else 2)
    return [result(library, seed, users + shift + 0.05 * noise.random(200)) for seed in range(1, 6)]


def test_the_interval_over_seeds_agrees_with_scipy() -> None:
    values = [0.1, 0.12, 0.11, 0.09, 0.13]
    low, high = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))
    assert interval(values) == {"low": pytest.approx(low), "high": pytest.approx(high)}
    assert interval([0.1]) == {}


def test_the_bootstrap_interval_agrees_with_scipy() -> None:
    difference = np.random.default_rng(5).normal(0.02, 0.1, 300)
    expected = stats.bootstrap((difference,), np.mean, method="percentile", rng=1).confidence_interval
    actual = paired_bootstrap(difference)
    assert (actual["low"], actual["high"]) == pytest.approx((expected.low, expected.high), abs=1e-3)


def test_pairing_users_detects_a_small_constant_gain() -> None:
    test = against_peer(five_seeds("ours", 0.01), five_seeds("recbole", 0.0))
    assert test["low"] <= test["difference"] <= test["high"]
    assert test["difference"] == pytest.approx(0.01, abs=0.005)
    assert test["wilcoxon_p"] < 0.001 and test["t_p"] < 0.001


def test_equal_results_do_not_differ() -> None:
    same = five_seeds("ours", 0.0)
    test = against_peer(same, same)
    assert (test["difference"], test["wilcoxon_p"], test["t_p"]) == (0.0, 1.0, 1.0)


def test_results_of_different_users_are_refused() -> None:
    other = five_seeds("recbole", 0.0)
    other[0]["users"] = other[0]["users"][::-1]
    with pytest.raises(AssertionError, match="users"):
        against_peer(five_seeds("ours", 0.0), other)


def test_a_row_has_means_over_seeds_and_the_table_every_library() -> None:
    by_library = {"ours": five_seeds("ours", 0.0), "rectools": five_seeds("rectools", 0.0)[:1]}
    row = row_of(by_library["ours"])
    assert row["ndcg"]["mean"] == pytest.approx(np.mean([r["ndcg"] for r in by_library["ours"]]))
    table = as_table(compare(by_library))
    assert "b4r-tui" in table and "RecTools" in table and "over seeds p" not in table
