"""Ranked candidates and their log-probabilities against sorting and summing everything."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.evaluation.candidates import rank_candidates, rank_everything
from engine.evaluation.full_ranking import Excluded
from tests.engine.evaluation.table_scores import TableScores

SEEDS = st.integers(0, 2**32 - 1)


def table_of(seed, users, items):
    """Few different scores, so that many tie."""
    return np.random.default_rng(seed).integers(-3, 4, (users, items)).astype(np.float32)


def check(ranked, row, user, candidates, length):
    order = sorted(candidates, key=lambda item: (-row[item], item))[:length]
    shown = ranked.items[user] >= 0
    assert ranked.items[user][shown].tolist() == order
    logs = np.log(np.exp(row[order].astype(np.float64)) / np.exp(row[candidates].astype(np.float64)).sum())
    np.testing.assert_allclose(ranked.log_probabilities[user][shown], logs, rtol=0, atol=1e-12)
    assert np.all(ranked.scores[user][~shown] == -np.inf)


@given(SEEDS, st.integers(0, 4), st.integers(1, 30), st.integers(1, 12), st.integers(1, 40))
def test_all_but_excluded_items_are_ranked_for_any_block_size(seed, users, items, block, length):
    table = table_of(seed, users, items)
    out = np.random.default_rng(seed + 1).random((users, items)) < 0.5
    out[:, 0] = False
    ranked = rank_everything(
        TableScores(torch.from_numpy(table)), Excluded(*np.nonzero(out)), items, block, length
    )
    assert ranked.items.shape == (users, length)
    for user in range(users):
        check(ranked, table[user], user, np.flatnonzero(~out[user]), length)


@given(SEEDS, st.integers(0, 4), st.sampled_from([1, 5, 300]))
def test_sampled_candidates_are_ranked_with_the_target_among_them(seed, users, count):
    table, draw = table_of(seed, users, 400), np.random.default_rng(seed)
    drawn = np.array([draw.permutation(400)[: count + 1] for _ in range(users)], np.int64).reshape(
        users, count + 1
    )
    negatives = drawn[:, 1:].copy()
    negatives[1:, -1] = -1  # some have fewer
    ranked = rank_candidates(TableScores(torch.from_numpy(table)), drawn[:, 0], negatives)
    for user in range(users):
        candidates = np.append(negatives[user][negatives[user] >= 0], drawn[user, 0])
        check(ranked, table[user], user, candidates, count + 1)
