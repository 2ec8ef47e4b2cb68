"""Scores of a model by block and by item: equal numbers, so equal ranks, for any block size."""

import numpy as np
import pytest
import torch

from engine.contract.config.model import ModelConfig
from engine.contract.ranks.metrics import means
from engine.data.loader import evaluation_batch
from engine.evaluation.evaluator import Evaluator
from engine.evaluation.scores import DotScores
from engine.model.bert4rec import BERT4Rec
from tests.builders import dataset_of
from tests.engine.evaluation.test_evaluator import blocks_of

ITEMS = 200


@pytest.fixture(scope="module")
def dataset():
    return dataset_of(np.random.default_rng(0).integers(0, ITEMS, (90, 10)).tolist(), ITEMS)


@pytest.fixture(scope="module", params=[False, True], ids=["own output", "tied output"])
def model(request):
    config = ModelConfig(max_len=8, emb_dim=16, nhead=2, num_layers=1, tie_output=request.param)
    return BERT4Rec(ITEMS, config, seed=3).eval()


@torch.no_grad()
def scores_of(model, dataset, users):
    batch = evaluation_batch(dataset, users, "test", 8)
    return DotScores(model.encode_last(batch.items, batch.lengths), model.item_weights, model.output_bias)


def test_blocks_and_chosen_items_are_parts_of_what_forward_gives(model, dataset):
    users = np.arange(20)
    batch = evaluation_batch(dataset, users, "test", 8)
    scores = scores_of(model, dataset, users)
    with torch.no_grad():
        whole = model(batch.items, batch.lengths, batch.positions)
        torch.testing.assert_close(scores.block(30, 77), whole[:, 30:77])
        items = np.random.default_rng(1).integers(0, ITEMS, (20, 9))
        torch.testing.assert_close(scores.of(items), whole.gather(1, torch.from_numpy(items)))


def test_a_block_too_wide_for_the_cache_has_the_scores_of_one_product():
    generator = torch.Generator().manual_seed(0)
    hidden, weights = torch.randn(7, 16, generator=generator), torch.randn(5000, 16, generator=generator)
    bias = torch.randn(5000, generator=generator)
    with torch.no_grad():
        torch.testing.assert_close(
            DotScores(hidden, weights, bias).block(3, 4990), (hidden @ weights.T + bias)[:, 3:4990]
        )


@pytest.mark.parametrize("block", [1, 7, 64, 199])
def test_metrics_and_lists_do_not_depend_on_the_size_of_a_block(model, dataset, block):
    def rank():
        with torch.no_grad():
            return Evaluator(dataset, ["full", "uniform-300"], 0).rank(
                "test", lambda users: scores_of(model, dataset, users), np.arange(90), 32, list_length=5
            )

    expected = rank()
    with blocks_of(block):
        found = rank()
    for protocol, ranks in expected.items():
        assert means(found[protocol], [1, 10]) == pytest.approx(means(ranks, [1, 10]), abs=1e-6)
    assert found["full"].top.tolist() == expected["full"].top.tolist()


@pytest.mark.parametrize("block", [10, 200])
def test_items_with_equal_weights_tie_in_every_protocol(dataset, block):
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randint(-9, 10, (90, 64), generator=generator).float()  # whole: exact in any order of sums
    weights = torch.randint(-9, 10, (1, 64), generator=generator).float().repeat(ITEMS, 1)
    with blocks_of(block):
        ranks = Evaluator(dataset, ["full", "uniform-50"], 0).rank(
            "test", lambda users: DotScores(hidden[users], weights, torch.zeros(ITEMS)), np.arange(90), 17
        )
    for found in ranks.values():
        assert (found.ties == found.candidates - 1).all()
