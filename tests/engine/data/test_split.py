"""Splits: the order of rows, leave-two-out, and two cuts in time without leakage."""

from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.contract.config.data import DataConfig
from engine.contract.config.training import TrainingConfig
from engine.contract.errors import B4RError
from engine.data.load import load_dataset
from engine.data.loader import TrainLoader, evaluation_batch
from engine.data.split import cut_times, in_time_order, leave_two_out, split_rows, temporal, user_offsets

timed_rows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20)), min_size=1, max_size=40)


def config_of(**data):
    return DataConfig(**{"split": "temporal"} | data)


some_times = st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1)


@given(st.lists(st.tuples(st.integers(0, 3), some_times), min_size=1))
def test_equal_times_keep_the_order_of_the_file(rows):
    users, times = (np.array(column) for column in zip(*rows, strict=True))
    order = in_time_order(users, times)
    assert order.tolist() == sorted(range(len(rows)), key=lambda row: (*rows[row], row))


def test_offsets_count_the_rows_of_each_user():
    assert user_offsets(np.array([0, 0, 0, 2]), 3).tolist() == [0, 3, 3, 4]


def test_a_data_set_without_anything_to_hold_out_is_refused():
    with pytest.raises(B4RError, match=r"no user has the 3 interactions .* \(the longest history has 2\)"):
        leave_two_out(np.array([0, 2, 3]))


@given(timed_rows, st.lists(st.integers(-1, 22), min_size=2, max_size=2, unique=True).map(sorted))
def test_a_temporal_cut_is_before_the_first_row_at_its_time_or_later(rows, cuts):
    rows = sorted(rows)
    users, times = (np.array(column) for column in zip(*rows, strict=True))
    offsets = user_offsets(users, 4)
    before = [[sum(u == user and t < cut for u, t in rows) for user in range(4)] for cut in cuts]
    sizes = np.diff(offsets).tolist()
    validated = any(0 < a < b for a, b in zip(*before, strict=True))
    tested = any(a and b < size for a, b, size in zip(*before, sizes, strict=True))
    if not (validated and tested):
        with pytest.raises(B4RError, match="leaves no user to"):
            temporal(offsets, times, tuple(cuts))
        return
    split = temporal(offsets, times, tuple(cuts))
    assert (split.validation_starts - offsets[:-1]).tolist() == before[0]
    assert (split.test_starts - offsets[:-1]).tolist() == before[1]


@given(st.lists(st.integers(0, 50), min_size=1), st.randoms(use_true_random=False))
def test_at_most_the_fractions_lie_before_the_cuts_whatever_the_order(times, random):
    config = config_of(temporal_fractions=[0.5, 0.75])
    cuts = cut_times(np.array(times), config)
    for fraction, cut in zip(config.temporal_fractions, cuts, strict=True):
        assert sum(time < cut for time in times) <= fraction * len(times) < sum(time <= cut for time in times)
    random.shuffle(times)
    assert cut_times(np.array(times), config) == cuts


def test_times_that_are_set_are_the_cuts():
    assert cut_times(np.arange(9), config_of(temporal_times=[3, 70])) == (3, 70)


@pytest.mark.parametrize(
    ("cuts", "sentence"),
    [
        ([5, 6], "no user to validate: none has an interaction before 5 and another from 5 to before 6"),
        ([2, 99], r"no user to test: .* from 99 on \(unix seconds\); change data.temporal_fractions or"),
        ([0, 1], "no user to validate"),
    ],
)
def test_a_phase_without_users_is_refused_with_the_cuts(cuts, sentence):
    times = np.array([1, 2, 3, 4, 7])
    with pytest.raises(B4RError, match=sentence):
        split_rows(np.array([0, 5]), times, config_of(temporal_times=cuts))


def load(folder, rows, **data):
    """Load (user, item, time) rows from a file in the MovieLens 100K format."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "u.data").write_text("".join(f"{u}\t{i}\t3\t{t}\n" for u, i, t in rows))
    config = config_of(dataset_name="ml-100k", dataset_path=str(folder), min_user_count=1, **data)
    return load_dataset(config, folder / "cache")


def as_ids(dataset, items):
    return [int(dataset.item_ids[item]) if item < dataset.num_items else None for item in items]


@given(timed_rows, st.lists(st.integers(1, 20), min_size=2, max_size=2, unique=True).map(sorted))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_model_sees_anything_from_a_cut_on(tmp_path_factory, rows, cuts):
    """An item's id is its row's number, so that what the model is given tells the times it is from."""
    rows = [*rows, (9, cuts[1]), (9, cuts[0]), (9, cuts[0] - 1)]  # one user at least is evaluated
    times = [time for _, time in rows]
    numbered = [(user, number, time) for number, (user, time) in enumerate(rows)]
    dataset = load(tmp_path_factory.mktemp("rows"), numbered, temporal_times=cuts)
    loader = TrainLoader(dataset, 10, TrainingConfig(mask_prob=0.5, train_batch_size=64))
    for batch in loader.epoch(0):
        # a random item may stand where one was masked: it is drawn from all candidates, not from later rows
        context = np.setdiff1d(np.arange(len(batch.items)), batch.positions.numpy())
        for item in as_ids(dataset, [*batch.items[context].tolist(), *batch.targets.tolist()]):
            assert times[item] < cuts[0]
    assert all(times[item] < cuts[0] for item in as_ids(dataset, np.flatnonzero(dataset.popularity)))
    for phase, cut, end in (("validate", cuts[0], cuts[1]), ("test", cuts[1], max(times) + 1)):
        users = dataset.evaluated_users(phase)
        known = as_ids(dataset, evaluation_batch(dataset, users, phase, 50).items.tolist())
        assert all(times[item] < cut for item in known if item is not None)
        assert all(cut <= times[item] < end for item in as_ids(dataset, dataset.targets(users, phase)))


@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=12, max_size=30), data=st.data()
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_rows_with_distinct_times_changes_no_split(tmp_path_factory, rows, data):
    timed = [(user, item, time) for time, (user, item) in enumerate(rows)]
    attempts = [
        partial(load, tmp_path_factory.mktemp("rows"), order, temporal_fractions=[0.5, 0.7])
        for order in (timed, data.draw(st.permutations(timed)))
    ]
    try:
        first = attempts[0]()
    except B4RError as error:
        with pytest.raises(B4RError) as again:
            attempts[1]()
        assert again.value.sentence == error.sentence
        return
    second = attempts[1]()
    for name in ("items", "offsets", "validation_starts", "test_starts", "user_ids", "item_ids"):
        assert getattr(first, name).tolist() == getattr(second, name).tolist()


def test_the_fingerprint_follows_the_cuts_of_a_temporal_split_alone(tmp_path):
    rows = [(user, item, item) for user in range(3) for item in range(9)]
    fingerprints = [
        load(tmp_path, rows, **cuts).split_fingerprint
        for cuts in (
            {},
            {"temporal_fractions": [0.5, 0.9]},
            {"temporal_times": [3, 6]},
            {"temporal_times": [3, 6], "temporal_fractions": [0.5, 0.9]},
        )
    ]
    assert len(set(fingerprints[:3])) == 3 and fingerprints[3] == fingerprints[2]
    plain = [
        load(tmp_path, rows, split="leave-two-out", **cuts).split_fingerprint
        for cuts in ({}, {"temporal_fractions": [0.5, 0.9]})
    ]
    assert plain[0] == plain[1] not in fingerprints


def test_a_source_without_times_cannot_be_cut_in_time(tmp_path):
    config = config_of(dataset_name="synthetic", random_size=900, random_user_count=60, split="leave-two-out")
    config = config.model_copy(update={"split": "temporal"})  # unchecked, as for a file without times
    with pytest.raises(B4RError, match=r"^synthetic has no timestamps, .* leave-two-out$"):
        load_dataset(config, tmp_path)


def test_random_rows_have_one_clock(tmp_path):
    config = config_of(dataset_name="random", random_size=900, random_user_count=60)
    dataset = load_dataset(config, tmp_path)
    assert len(dataset.training_items) == 720
    assert 0 < len(dataset.evaluated_users("test")) <= 60


@pytest.mark.data
def test_movielens_100k_is_cut_as_pandas_would_cut_it(data_dir, tmp_path):
    pd = pytest.importorskip("pandas")
    config = config_of(dataset_name="ml-100k", dataset_path=str(data_dir / "ml-100k"))
    dataset = load_dataset(config, tmp_path)
    frame = pd.read_csv(data_dir / "ml-100k" / "u.data", sep="\t", names=["user", "item", "rating", "time"])
    first, second = (int(frame["time"].sort_values().iloc[place]) for place in (80_000, 90_000))
    trained = set(frame[frame["time"] < first]["user"])
    for phase, late in (
        ("validate", frame[(frame["time"] >= first) & (frame["time"] < second)]),
        ("test", frame[frame["time"] >= second]),
    ):
        late = late[late["user"].isin(trained)].sort_values("time", kind="stable")
        expected = late.groupby("user")["item"].first()
        users = dataset.evaluated_users(phase)
        assert dataset.user_ids[users].astype(int).tolist() == expected.index.tolist()
        assert dataset.item_ids[dataset.targets(users, phase)].astype(int).tolist() == expected.tolist()


def test_fractions_of_seconds_decide_the_order():
    users = np.array([700_000, 700_000, 3, 3])
    times = np.array([2e9 + 0.5, 2e9 + 0.25, 1.75, 1.5])
    assert in_time_order(users, times).tolist() == [3, 2, 1, 0]
