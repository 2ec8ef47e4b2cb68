"""Generated data sets: of the requested size, equal for equal seeds, and synthetic ones learnable."""

import pytest

from engine.contract.config.data import DataConfig
from engine.contract.ranks.metrics import means
from engine.data.load import load_dataset
from engine.data.readers import READERS, synthetic
from engine.evaluation.baselines import markov_scorer, popularity_scorer
from engine.evaluation.evaluator import Evaluator


def config_of(name, users=600, items=200, size=12_000, seed=0):
    return DataConfig(
        dataset_name=name, random_user_count=users, random_item_count=items, random_size=size, seed=seed
    )


@pytest.mark.parametrize("name", ["random", "synthetic"])
def test_the_settings_decide_the_size_and_the_seed_the_rows(name):
    frame = READERS[name].read(config_of(name))
    assert len(frame) == 12_000
    assert set(frame["user"]) == set(range(1, 601))
    assert frame["item"].between(1, 200).all() and frame["item"].nunique() == 200
    assert frame.equals(READERS[name].read(config_of(name)))
    assert not frame.equals(READERS[name].read(config_of(name, seed=1)))


@pytest.mark.parametrize("name", ["random", "synthetic"])
@pytest.mark.parametrize("knob", [{"users": 30}, {"items": 30}, {"size": 500}, {"seed": 5}])
def test_the_fingerprint_tells_settings_apart(name, knob):
    reader = READERS[name]
    assert reader.fingerprint(config_of(name)) == reader.fingerprint(config_of(name))
    assert reader.fingerprint(config_of(name)) != reader.fingerprint(config_of(name, **knob))


@pytest.mark.parametrize("users, items, size", [(1, 2, 1), (10, 2, 300), (7, 3, 5), (10, 30, 300)])
def test_synthetic_copes_with_any_size(users, items, size):
    assert len(READERS["synthetic"].read(config_of("synthetic", users, items, size))) == size


def test_synthetic_walks_do_not_depend_on_how_users_are_chunked(monkeypatch):
    whole = READERS["synthetic"].read(config_of("synthetic"))
    monkeypatch.setattr(synthetic, "_CHUNK_CELLS", 7 * 200)
    assert whole.equals(READERS["synthetic"].read(config_of("synthetic")))


def test_synthetic_walks_rarely_come_back_and_are_skewed():
    frame = READERS["synthetic"].read(config_of("synthetic"))
    assert frame.duplicated(["user", "item"]).mean() < 0.01
    counts = frame["item"].value_counts()
    assert counts.iloc[0] > 5 * counts.median()


def test_a_counting_markov_model_beats_popularity_by_far_on_synthetic():
    dataset = load_dataset(config_of("synthetic"))
    evaluator = Evaluator(dataset, ["full", "popular-100"], seed=0)
    users = dataset.evaluated_users("test")
    assert evaluator.short_users == {}
    popularity = evaluator.rank("test", popularity_scorer(dataset), users, 128)
    markov = evaluator.rank("test", markov_scorer(dataset, "test"), users, 128)
    for protocol in ("full", "popular-100"):
        assert means(popularity[protocol], [10])["ndcg@10"] < 0.2
        assert means(markov[protocol], [10])["ndcg@10"] > 0.7
