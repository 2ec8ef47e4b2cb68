"""Sampled losses against the full softmax and against their definitions, term by term."""

import math

import pytest
import torch

from engine.data.loader import Batch
from engine.model.bert4rec import BERT4Rec
from engine.model.cpu.kernels import CpuKernels
from engine.model.losses.gbce import calibrated_beta, gbce, prior_score
from engine.model.losses.sampled_softmax import sampled_softmax
from engine.model.losses.shared_scores import SharedScores, shared_scores
from engine.model.objective import Objective
from tests.builders import experiment_of

ITEMS = 30


@pytest.fixture
def model():
    made = BERT4Rec(ITEMS, experiment_of(model={"dropout": 0.0}).model, seed=1)
    torch.manual_seed(0)
    with torch.no_grad():
        made.output.normal_()
        made.output_bias.normal_()
    return made


def batch_of(negatives, log_counts=None):
    items = torch.tensor([1, 2, ITEMS, 4, ITEMS])
    negatives = torch.as_tensor(negatives)
    logs = torch.zeros(len(negatives)) if log_counts is None else log_counts
    return Batch(items, torch.tensor([3, 2]), torch.tensor([2, 4]), torch.tensor([5, 9]), negatives, logs)


def loss_and_gradients(model, batch, **training):
    model.zero_grad()
    loss = Objective(model, experiment_of(training=training).training, CpuKernels())(batch)
    loss.backward()
    return loss.detach(), {name: p.grad.clone() for name, p in model.named_parameters()}


def test_all_items_as_negatives_once_give_the_full_softmax_and_its_gradients(model):
    full, expected = loss_and_gradients(model, batch_of(torch.empty(0, dtype=torch.int64)))
    sampled, found = loss_and_gradients(model, batch_of(torch.arange(ITEMS).flip(0)), loss="sampled")
    torch.testing.assert_close(sampled, full, atol=1e-6, rtol=1e-6)
    for name, gradient in expected.items():
        torch.testing.assert_close(
            found[name], gradient, atol=1e-5 * float(gradient.abs().max()), rtol=1e-5, msg=name
        )


@pytest.mark.parametrize("skew", [0.0, 2.0])
def test_many_negatives_of_any_distribution_come_close_to_the_full_softmax(model, skew):
    share = torch.softmax(skew * torch.randn(ITEMS, generator=torch.Generator().manual_seed(3)), 0)
    draws = 400_000
    negatives = torch.multinomial(share, draws, True, generator=torch.Generator().manual_seed(4))
    full, expected = loss_and_gradients(model, batch_of(torch.empty(0, dtype=torch.int64)))
    logs = torch.log(draws * share[negatives])
    sampled, found = loss_and_gradients(model, batch_of(negatives, logs), loss="sampled")
    assert sampled == pytest.approx(float(full), rel=0.02)
    for name in ("output", "output_bias"):
        assert torch.linalg.norm(found[name] - expected[name]) < 0.03 * torch.linalg.norm(expected[name])


def test_a_negative_that_is_the_target_counts_for_the_other_targets_only(model):
    batch = batch_of([5, 7])
    scores = shared_scores(model, model.encode(batch.items, batch.lengths, batch.positions), batch)
    everything = model(batch.items, batch.lengths, batch.positions)
    torch.testing.assert_close(scores.targets, everything[[0, 1], [5, 9]])
    assert scores.negatives[0, 0] == -torch.inf
    torch.testing.assert_close(scores.negatives[1], everything[1, [5, 7]])


@pytest.mark.parametrize("loss", ["sampled", "gbce"])
def test_a_batch_of_hits_or_without_targets_has_finite_gradients(model, loss):
    hits = batch_of([5, 5])
    nothing = Batch(
        *(part[:0] if name in ("positions", "targets") else part for name, part in vars(hits).items())
    )
    for batch in (hits, nothing):
        found, gradients = loss_and_gradients(model, batch, loss=loss, num_negatives=2)
        assert torch.isfinite(found) and all(gradient.isfinite().all() for gradient in gradients.values())
    assert found == 0


def test_gbce_is_its_definition():
    positive, negative, beta = 0.7, [-0.3, 1.2, -torch.inf], 0.4
    sigma = [1 / (1 + math.exp(-score)) for score in (positive, *negative)]
    by_hand = -(math.log(sigma[0] ** beta) + sum(math.log(1 - s) for s in sigma[1:])) / 4
    scores = SharedScores(torch.tensor([positive]), torch.tensor([negative]))
    assert gbce(scores, beta).item() == pytest.approx(by_hand, rel=1e-6)


def test_gbce_stays_finite_for_scores_of_any_size():
    scores = SharedScores(torch.tensor([-1e4], requires_grad=True), torch.tensor([[1e4, -1e4]]))
    loss = gbce(scores, 0.25)
    loss.backward()
    assert loss.item() == pytest.approx((0.25 * 1e4 + 1e4) / 3)
    assert scores.targets.grad.item() == pytest.approx(-0.25 / 3)


@pytest.mark.parametrize(("t", "beta"), [(0.0, 1.0), (1.0, 0.1), (0.75, 0.325)])
def test_calibration_goes_from_plain_cross_entropy_to_the_rate_of_sampling(t, beta):
    assert calibrated_beta(10, 101, t) == pytest.approx(beta)


@pytest.mark.parametrize("negatives", [1, 256])
def test_at_the_prior_score_no_item_is_pulled_or_pushed(negatives):
    beta = calibrated_beta(negatives, 1000, 0.75)
    score = torch.tensor(prior_score(beta, negatives), requires_grad=True)
    pushed = SharedScores(
        score.expand(1), score.expand(1, negatives)
    )  # each item once a target, K times a negative
    gbce(pushed, beta).backward()
    assert score.grad.item() == pytest.approx(0.0, abs=1e-6)


def test_gbce_makes_probabilities_right_where_plain_cross_entropy_is_overconfident():
    """One context, items drawn with known chances: at t = 1 the best scores are those of full sampling."""
    chance, negatives = torch.tensor([0.5, 0.3, 0.15, 0.05], dtype=torch.float64), 1

    def best_probabilities(beta):
        # stationary point of: chance · beta · log σ(s) + (1 - chance) · negatives/3 · log(1 - σ(s))
        pull, push = chance * beta, (1 - chance) * negatives / (len(chance) - 1)
        return pull / (pull + push)

    calibrated = best_probabilities(calibrated_beta(negatives, len(chance), 1.0))
    torch.testing.assert_close(calibrated, chance)
    assert (best_probabilities(1.0) > chance).all()


def test_sampled_softmax_of_scores_far_apart_is_finite():
    scores = SharedScores(torch.tensor([1e4, -1e4]), torch.tensor([[-1e4], [1e4]]))
    assert sampled_softmax(scores, torch.zeros(1)).item() == pytest.approx(2e4)
