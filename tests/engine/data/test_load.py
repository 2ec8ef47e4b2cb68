"""From a file to a data set: real data, row order, fingerprints."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.contract.config.data import DataConfig
from engine.contract.errors import B4RError
from engine.data.load import load_dataset


def write_rows(folder, rows):
    text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
    (folder / "u.data").write_text(text)
    return folder


def load(folder, **settings):
    return load_dataset(
        DataConfig(dataset_name="ml-100k", dataset_path=str(folder), **settings), folder / "cache"
    )


def rows_of(dataset):
    """(user id, item ids in order) of each user."""
    items = np.split(dataset.item_ids[dataset.items], dataset.offsets[1:-1])
    return [(user, ids.tolist()) for user, ids in zip(dataset.user_ids.tolist(), items, strict=True)]


@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20)), min_size=12, max_size=30), data=st.data()
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_rows_with_distinct_times_changes_nothing(tmp_path_factory, rows, data):
    timed = [(user, item, 3, time) for time, (user, item) in enumerate(rows)]
    loaded = [
        load(write_rows(tmp_path_factory.mktemp("rows"), order), min_user_count=1)
        for order in (timed, data.draw(st.permutations(timed)))
    ]
    assert rows_of(loaded[0]) == rows_of(loaded[1])
    expected = pd.DataFrame(timed).groupby(0)[1].apply(lambda items: [str(item) for item in items])
    assert rows_of(loaded[0]) == [(str(user), items) for user, items in expected.items()]


@pytest.mark.data
def test_movielens_100k_agrees_with_pandas(data_dir):
    dataset = load_dataset(DataConfig(dataset_name="ml-100k", dataset_path=str(data_dir / "ml-100k")))
    frame = pd.read_csv(data_dir / "ml-100k" / "u.data", sep="\t", names=["user", "item", "rating", "time"])
    assert (dataset.num_users, dataset.num_items, dataset.num_interactions) == (943, 1682, 100_000)
    assert [step.interactions for step in dataset.funnel] == [100_000] * 5
    by_time = frame.sort_values(["user", "time"], kind="stable")
    assert dataset.item_ids[dataset.items].astype(int).tolist() == by_time["item"].tolist()
    assert dataset.user_ids.astype(int).tolist() == sorted(frame["user"].unique())
    assert dataset.lengths.tolist() == frame.groupby("user").size().tolist()
    training = by_time[by_time.groupby("user").cumcount(ascending=False) >= 2]
    counts = training["item"].value_counts().reindex(range(1, 1683), fill_value=0)
    assert dataset.popularity.tolist() == counts.tolist()


@pytest.mark.data
def test_movielens_1m_is_filtered_and_split(data_dir):
    config = DataConfig(
        dataset_name="ml-1m", dataset_path=str(data_dir / "ml-1m"), min_user_count=20, min_item_count=10
    )
    dataset = load_dataset(config)
    assert dataset.lengths.min() >= 20
    assert np.bincount(dataset.items).min() >= 10
    assert dataset.funnel[0].interactions == 994_083
    assert dataset.funnel[-1].interactions == dataset.num_interactions


def test_fingerprints_follow_bytes_and_settings(tmp_path):
    rows = [(user, item, 3, item) for user in range(3) for item in range(6)]
    first = load(write_rows(tmp_path, rows))
    assert load(tmp_path).split_fingerprint == first.split_fingerprint
    assert load(tmp_path, seed=7).split_fingerprint == first.split_fingerprint  # a file has no seed
    stricter = load(tmp_path, min_item_count=2)
    assert stricter.data_fingerprint == first.data_fingerprint
    assert stricter.split_fingerprint != first.split_fingerprint
    changed = load(write_rows(tmp_path, [*rows, (0, 6, 3, 6)]))
    assert changed.data_fingerprint != first.data_fingerprint
    assert changed.num_interactions == first.num_interactions + 1


def test_ids_that_leave_gaps_become_dense_and_ids_stay_numeric_in_order(tmp_path):
    rows = [(user, item, 3, item) for user in (100, 9) for item in (70, 8, 600)]
    dataset = load(write_rows(tmp_path, rows), min_user_count=1)
    assert dataset.user_ids.tolist() == ["9", "100"]
    assert dataset.item_ids.tolist() == ["8", "70", "600"]
    assert dataset.items.dtype == np.int32 and dataset.offsets.dtype == np.int64


def test_too_short_histories_are_refused_with_a_sentence(tmp_path):
    with pytest.raises(B4RError, match="no user has the 3 interactions"):
        load(write_rows(tmp_path, [(0, 1, 3, 1), (0, 2, 3, 2)]), min_user_count=1)
