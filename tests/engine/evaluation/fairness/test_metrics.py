"""The six metrics: against published oracles, toy cases worked by hand, brute force, and what must not matter.

Toy systems of 4 users x 4 items; user groups {0, 1}, {2, 3}, item groups alike. The target is 1/4 everywhere, so
C = 1/4, t = 0 in every cell, R = T² = 0 and F = D. Each system shows every user two items with exposure 1/2:

  1: even users see items 0 and 2, odd users 1 and 3. A pair is off by ±1/4, so II = 1/16. A user sees one
     item of each group: mean 1/4, so IG = 0. A user group shows each item to one of its two users: GI = 0;
     all others are means of these and 0 too.
  2: even users see items 0 and 1, odd users 2 and 3. II = 1/16; now a user sees only one item group, means 1/2 and
     0, so IG = 1/16. But both user groups see every item once: GI = GG = AI = AG = 0.
  3: group one sees items 0 and 2, group two 1 and 3. Both item groups are half seen: IG = GG = AG = 0. A user group
     sees an item at 1/2 or 0: GI = 1/16. Over all users each item has 1/4: AI = 0.
  4: everyone sees 0 and 2. As 3, but now items 1 and 3 are seen by nobody at all: AI = 1/16 too.
  5: group one sees items 0 and 1, group two 2 and 3: II, IG, GI, GG = 1/16; over all users all is even.
  6: everyone sees 0 and 1: items 2 and 3, a whole group, are seen by nobody, so all six are 1/16.

Unequal and overlapping groups, 3 users x 5 items, exposure 1, 0.8, 0.64 of the first three ranks. C is the sum of T,
1.8 + 1 + 2.952, over 15 = 0.38346…. In AI item 3 is shown by user 1 alone, at rank one: its mean is 1/3, its
target 0, so its e = 1/3 - C = -0.05013… and its t = -C.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array

from engine.evaluation.fairness.exposure import discounts, static_exposure
from engine.evaluation.fairness.metrics import METRICS, measure
from engine.evaluation.fairness.side_files import read_side_file
from engine.evaluation.fairness.target import centre, target_exposure
from tests.engine.evaluation.fairness.brute_force import by_hand, fast

exposures = st.sampled_from([0.0, 0.0, 0.1, 0.5, 0.8, 1.0])
flags = st.sampled_from([0.0, 1.0])


@st.composite
def toys(draw):
    """System, target, user groups and item groups; groups may overlap, be empty, or leave some out."""
    users, items = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    matrices = [draw(arrays(float, (users, items), elements=exposures)) for _ in range(2)]
    groups = [draw(arrays(float, (draw(st.integers(1, 4)), n), elements=flags)) for n in (users, items)]
    return *matrices, *groups


def assert_equal(found, expected, tolerance=1e-12):
    assert found.keys() == expected.keys()
    for name, parts in found.items():
        assert parts == pytest.approx(expected[name], rel=1e-9, abs=tolerance), name


@pytest.mark.parametrize("system", "123456")
def test_toy_systems_have_the_disparity_worked_out_by_hand(oracles, system):
    toy = oracles["toy_equal_groups"]
    found = fast(toy["systems"][system]["exposure"], toy["target"], toy["user_groups"], toy["item_groups"])
    assert_equal(found, toy["systems"][system]["expected"])


def test_unequal_and_overlapping_groups_equal_the_oracle(oracles):
    toy = oracles["toy_unequal_overlapping"]
    lists = np.array(toy["rankings"])[:, : toy["cut"]]
    system = static_exposure(lists, 5, discounts(toy["cut"]))
    target = target_exposure(csr_array(np.array(toy["relevance"])))
    assert system.toarray() == pytest.approx(np.array(toy["exposure"]))
    assert target.toarray() == pytest.approx(np.array(toy["target"]))
    found = fast(system.toarray(), target.toarray(), toy["user_groups"], toy["item_groups"])
    assert_equal(found, toy["expected"])


@given(toys())
def test_closed_forms_equal_brute_force(toy):
    found = fast(*toy)
    assert_equal(found, by_hand(*toy))
    for parts in found.values():
        assert parts["F"] == pytest.approx(parts["D"] - parts["R"] + parts["T"], abs=1e-12)


@given(toys(), st.randoms(use_true_random=False))
def test_the_order_of_users_items_and_groups_changes_nothing(toy, random):
    system, target, users, items = toy
    orders = [random.sample(range(n), n) for n in (*system.shape, len(users), len(items))]
    by_user, by_item, of_users, of_items = orders
    moved = (
        system[by_user][:, by_item],
        target[by_user][:, by_item],
        users[of_users][:, by_user],
        items[of_items][:, by_item],
    )
    assert_equal(fast(*moved), fast(*toy))


@given(toys())
def test_uniform_exposure_has_no_disparity(toy):
    _, target, users, items = toy
    uniform = np.full(target.shape, target.mean())
    found = fast(uniform, target, users, items)
    assert all(parts["D"] == pytest.approx(0, abs=1e-30) for parts in found.values())


@pytest.mark.data
@pytest.mark.parametrize(
    ("convention", "oracle"), [("paper", "paper gamma^(rank-1)"), ("code", "published code gamma^rank")]
)
def test_popularity_on_movielens_100k_equals_the_oracle_in_both_conventions(
    oracles, data_dir, convention, oracle
):
    """Everyone sees the most rated items of u.data, seen or not; relevant = rated above 3 anywhere in u.data."""
    expected = oracles["ml100k_popularity_static"]["expected"][oracle]
    folder = data_dir / "ml-100k"
    users, items, ratings, _ = np.loadtxt(folder / "u.data", dtype=np.int64).T
    liked = ratings > 3
    relevant = csr_array((np.ones(liked.sum()), (users[liked] - 1, items[liked] - 1)), shape=(943, 1682))
    order = np.argsort(-np.bincount(items - 1), kind="stable")[:100]
    system = static_exposure(np.tile(order, (943, 1)), 1682, discounts(100, convention))
    target = target_exposure(relevant, convention)
    genders = read_side_file("ml-100k", str(folder), "gender", np.arange(1, 944).astype(str))
    genres = read_side_file("ml-100k", str(folder), "genre", np.arange(1, 1683).astype(str))
    assert centre(target) == pytest.approx(expected["target_mean"], rel=1e-12)
    found = measure(system, target, genders.members, genres.members)
    for name in METRICS:
        wanted = expected["expected"][name]
        parts = found[name].by_letter()
        assert [parts["F"], parts["D"], parts["R"], parts["T2"]] == pytest.approx(
            [wanted["F"], wanted["D"], wanted["R"], wanted["T"]], rel=1e-8, abs=1e-15
        )


def test_a_user_without_relevant_items_has_no_target_exposure():
    target = target_exposure(csr_array(np.array([[0.0, 0.0], [1.0, 1.0]])))
    assert target.toarray() == pytest.approx(np.array([[0.0, 0.0], [0.9, 0.9]]))
    assert centre(target) == pytest.approx(0.45)
