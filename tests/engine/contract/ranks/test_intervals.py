"""Bootstrap intervals: they have the stated coverage, and depend on the seed alone."""

import math

import numpy as np
import pytest

from engine.contract.ranks import intervals
from engine.contract.ranks.intervals import bootstrap


def test_value_and_n_are_the_mean_and_the_users_and_lie_in_the_interval():
    values = {"mrr": np.random.default_rng(0).random(300), "recall@1": np.arange(300) % 2.0}
    found = bootstrap(values)
    assert found.keys() == values.keys()
    for name, interval in found.items():
        assert interval.keys() == {"value", "low", "high", "n", "se"}
        assert interval["value"] == values[name].mean() and interval["n"] == 300
        assert interval["se"] == pytest.approx(values[name].std(ddof=1) / math.sqrt(300), rel=1e-12)
        assert interval["low"] < interval["value"] < interval["high"]


def test_the_width_is_that_of_the_normal_approximation():
    values = np.random.default_rng(0).normal(size=2000)
    interval = bootstrap({"x": values}, resamples=2000)["x"]
    error = values.std() / math.sqrt(len(values))
    assert interval["low"] == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert interval["high"] == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


def test_the_interval_covers_the_truth_in_about_95_of_100_cases():
    generator = np.random.default_rng(0)
    found = [bootstrap({"x": generator.random(100)}, resamples=300, seed=i)["x"] for i in range(300)]
    assert 0.90 < np.mean([interval["low"] <= 0.5 <= interval["high"] for interval in found]) < 0.985


def test_the_seed_decides_and_chunks_do_not(monkeypatch):
    values = {"x": np.random.default_rng(0).random(50)}
    whole = bootstrap(values, seed=1)
    assert bootstrap(values, seed=1) == whole != bootstrap(values, seed=2)
    monkeypatch.setattr(intervals, "_CHUNK_CELLS", 170)
    assert bootstrap(values, seed=1)["x"] == pytest.approx(whole["x"], rel=1e-12)


def test_one_user_or_none():
    assert bootstrap({"x": np.array([0.3])})["x"] == pytest.approx(
        {"value": 0.3, "low": 0.3, "high": 0.3, "n": 1}
    )
    nothing = bootstrap({"x": np.empty(0)})["x"]
    assert nothing["n"] == 0 and math.isnan(nothing["value"]) and math.isnan(nothing["low"])
    assert bootstrap({}) == {}
