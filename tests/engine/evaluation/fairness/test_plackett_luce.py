"""Sampled rankings against enumerated expectations, and that a draw depends on its own keys alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from engine.contract.errors import B4RError
from engine.evaluation.fairness.exposure import discounts
from engine.evaluation.fairness.plackett_luce import exposure_of, negative_gumbel, sampled_orders
from engine.evaluation.fairness.rankings import Rankings, scaled
from engine.evaluation.fairness.tradeoff import Draws, Reference, gains_of_places, trade_off

SAMPLES = 40_000
lists = st.lists(st.floats(-5, 5), min_size=1, max_size=6)


def expected_exposure(
    scores: np.ndarray, users: np.ndarray, temperature: float, samples: int, seed: int, discount: np.ndarray
) -> np.ndarray:
    """Return the mean exposure over drawn rankings, (users, k) float64.

    scores: (users, k), -inf for none. users: (users,) their numbers. discount: (k,) exposure by rank.
    """
    exposure = np.zeros(scores.shape)
    for row, user in enumerate(users):
        for orders in sampled_orders(scores[row], int(user), temperature, samples, seed):
            exposure[row] += exposure_of(orders, discount)
    return exposure / samples


@pytest.mark.parametrize("temperature", ["8", "1", "0.125"])
def test_mean_exposure_equals_the_enumerated_one_within_its_standard_error(oracles, temperature):
    oracle = oracles["plackett_luce"]
    discount = np.append(discounts(oracle["cut"]), 0.0)
    scores, expected = np.array(oracle["scores"]), oracle["expected_exposure_by_temperature"][temperature]
    orders = np.concatenate(list(sampled_orders(scores, 7, float(temperature), SAMPLES, seed=3)))
    drawn = discount[np.argsort(orders, axis=1)]  # (samples, items): what each ranking shows of each item
    error = drawn.std(axis=0) / np.sqrt(SAMPLES)
    assert np.all(np.abs(drawn.mean(axis=0) - expected) <= 4 * error + 1e-5)
    found = expected_exposure(scores[None], np.array([7]), float(temperature), SAMPLES, 3, discount)
    assert found[0] == pytest.approx(drawn.mean(axis=0))


@given(lists, st.integers(0, 2**62), st.integers(0, 9), st.sampled_from([0.125, 1.0, 8.0]))
def test_every_draw_is_a_ranking_and_more_samples_begin_with_the_same_ones(scores, seed, user, temperature):
    few, many = (
        np.concatenate(list(sampled_orders(np.array(scores), user, temperature, n, seed))) for n in (3, 8)
    )
    assert (np.sort(many, axis=1) == np.arange(len(scores))).all()
    assert (many[:3] == few).all()


def test_long_draws_in_chunks_give_the_same_rankings():
    scores = np.linspace(1, 0, 100)
    pieces = list(sampled_orders(scores, 1, 1.0, 3000, 0))
    assert len(pieces) > 1 and sum(map(len, pieces)) == 3000
    assert (np.concatenate(pieces)[:5] == np.concatenate(list(sampled_orders(scores, 1, 1.0, 5, 0)))).all()


def test_users_seeds_and_temperatures_have_draws_of_their_own():
    scores = np.zeros(50)
    draws = [
        np.concatenate(list(sampled_orders(scores, *keys)))
        for keys in ((1, 1.0, 20, 0), (2, 1.0, 20, 0), (1, 2.0, 20, 0), (1, 1.0, 20, 1))
    ]
    assert len({draw.tobytes() for draw in draws}) == 4


def test_noise_is_finite_and_has_the_mean_and_variance_of_gumbel():
    extremes = negative_gumbel(np.array([0, 2**64 - 1], np.uint64))
    assert np.isfinite(extremes).all()
    noise = -negative_gumbel(np.random.default_rng(0).integers(0, 2**64, 200_000, np.uint64)).astype(float)
    assert noise.mean() == pytest.approx(np.euler_gamma, abs=4 * noise.std() / np.sqrt(len(noise)))
    assert noise.var() == pytest.approx(np.pi**2 / 6, rel=0.03)


def toy_rankings():
    """Three users, six items; the second has a short list, the third finds its item nowhere."""
    items = np.array([[0, 1, 2], [3, 4, -1], [5, 0, 1]], np.int32)
    scores = np.array([[3.0, 2.0, 1.0], [1.0, 0.5, -np.inf], [2.0, 1.9, 1.8]])
    return Rankings(np.array([4, 7, 9]), items, scores, np.array([1, 3, 2]))


def sides():
    target = csr_array((np.ones(3), (np.arange(3), toy_rankings().targets)), shape=(3, 6))
    return Reference(
        target, csr_array([[1.0, 0, 1], [0, 1, 0]]), csr_array([[1.0, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]])
    )


def points(rankings, sides):
    return list(trade_off(rankings, sides, discounts(3), Draws([1.0, 1e-4], 50, 0)))


def test_a_cold_temperature_is_the_static_ranking():
    static, warm, cold = points(toy_rankings(), sides())
    assert static.temperature is None and cold.temperature == 1e-4
    assert static.ndcg == pytest.approx((1 / np.log2(3) + 1 + 0) / 3)
    assert cold.ndcg == pytest.approx(static.ndcg)
    for name, parts in static.metrics.items():
        assert cold.metrics[name].by_letter() == pytest.approx(parts.by_letter(), abs=1e-12)
    assert warm.metrics["II"].disparity < static.metrics["II"].disparity


def test_the_order_of_users_does_not_change_sampled_metrics():
    rankings, order = toy_rankings(), np.array([2, 0, 1])
    moved = Rankings(*(part[order] for part in vars(rankings).values()))
    other = Reference(
        csr_array(sides().target[order]), csr_array(sides().user_groups[:, order]), sides().item_groups
    )
    for one, two in zip(points(rankings, sides()), points(moved, other), strict=True):
        assert one.ndcg == pytest.approx(two.ndcg, abs=1e-15)
        for name, parts in one.metrics.items():
            assert parts.by_letter() == pytest.approx(two.metrics[name].by_letter(), abs=1e-14)


def test_gains_end_after_the_tenth_place():
    assert gains_of_places(np.array([-1, 0, 2, 9, 10])).tolist() == [0, 1, 0.5, 1 / np.log2(11), 0]


def test_scores_are_scaled_as_requested():
    scores = np.array([[3.0, 1.0, -np.inf]])
    assert scaled(scores, "none") is scores
    assert scaled(scores, "0.5").tolist() == [[1.5, 0.5, -np.inf]]
    assert scaled(scores, "normalise").tolist() == [[0.75, 0.25, -np.inf]]
    with pytest.raises(B4RError, match="normalise needs non-negative scores"):
        scaled(np.array([[1.0, -1.0]]), "normalise")
