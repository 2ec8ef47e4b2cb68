"""Lists against loops over sorted scores, and the padding of histories."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.config.model import ModelConfig
from engine.serving.padded_bert4rec import PlainBERT4Rec
from engine.serving.top_lists import Histories, best_items, histories_of, padded
from tests.builders import dataset_of

ITEMS, LONGEST = 12, 4
rows_of_items = st.lists(st.lists(st.integers(0, ITEMS - 1), max_size=7), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    made = PlainBERT4Rec(ITEMS, ModelConfig(max_len=LONGEST + 1, emb_dim=8, nhead=2, num_layers=2))
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter.data)
    return made.eval()


def histories(rows):
    return Histories.of(
        np.array([item for row in rows for item in row], np.int64), np.array([len(row) for row in rows])
    )


@given(rows=rows_of_items)
def test_the_latest_items_are_right_aligned(rows):
    found = padded(histories(rows), LONGEST)
    width = max(1, min(LONGEST, max(map(len, rows))))
    assert found.tolist() == [([-1] * width + row)[-width:] for row in rows]


@given(rows=rows_of_items, k=st.integers(1, ITEMS + 2))
def test_lists_are_the_sorted_scores_without_what_was_seen(model, rows, k):
    items, scores = best_items(model, histories(rows), LONGEST, k, block_mb=1)
    with torch.inference_mode():
        logits = torch.cat([model(torch.tensor([row[-LONGEST:] or [-1]])) for row in rows]).numpy()
    for row, found, values, all_scores in zip(rows, items, scores, logits, strict=True):
        unseen = [item for item in np.argsort(-all_scores, kind="stable") if item not in row][:k]
        assert found.tolist() == unseen + [-1] * (k - len(unseen))
        np.testing.assert_allclose(values[: len(unseen)], all_scores[unseen], atol=1e-4)


def test_a_users_history_depends_on_the_phase():
    dataset = dataset_of([[0, 1, 2, 3], [4, 5, 6]], 8)
    users = np.array([1, 0])
    for as_of, items, lengths in [
        ("now", [4, 5, 6, 0, 1, 2, 3], [3, 4]),
        ("test", [4, 5, 0, 1, 2], [2, 3]),
        ("validate", [4, 0, 1], [1, 2]),
    ]:
        found = histories_of(dataset, users, as_of)
        assert (found.items.tolist(), found.lengths.tolist()) == (items, lengths)


def test_a_seen_item_is_a_candidate_only_if_it_is_the_target(model):
    dataset, user = dataset_of([[0, 1, 2, 0]], ITEMS), np.array([0])
    in_test, now = (
        best_items(model, histories_of(dataset, user, as_of), LONGEST, ITEMS, 1)[0][0].tolist()
        for as_of in ("test", "now")
    )
    assert set(range(ITEMS)) - set(in_test) == {1, 2}
    assert set(range(ITEMS)) - set(now) == {0, 1, 2}
