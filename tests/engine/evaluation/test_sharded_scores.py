"""Ranks over a sharded vocabulary on real ranks, against the unsharded one, including ties and lists."""

import pytest

from tests.torchrun import on_ranks

WORKER = """
import numpy as np
import torch
from engine.distributed.row_exchange import RowExchange
from engine.distributed.process_group import process_group
from engine.distributed.sharded_output import even_rows
from engine.evaluation.candidates import rank_everything
from engine.evaluation.full_ranking import Excluded, rank_full
from engine.evaluation.scores import DotScores
from engine.evaluation.sharded_scores import ShardedScores

def check(items, counts, block, group):
    draw = torch.Generator().manual_seed(items)
    # small whole numbers: many ties, and sums that are exact in any order
    hidden = torch.randint(-2, 3, (sum(counts), 4), generator=draw).float()
    weights = torch.randint(-2, 3, (items, 4), generator=draw).float()
    bias = torch.randint(-2, 3, (items,), generator=draw).float()
    first = sum(counts[: group.rank])
    mine, users = hidden[first : first + counts[group.rank]], np.arange(counts[group.rank])
    targets = (users * 7 + group.rank) % items
    others = [(u, i) for u in users for i in range(0, items, 3) if i != targets[u]]
    excluded = Excluded(*np.array(others, np.int64).reshape(-1, 2).T)
    rows = even_rows(items, group.world_size)[group.rank]
    held = slice(rows.start, rows.stop)
    exchange = RowExchange(group.rank, group.world_size)
    sharded = ShardedScores.of_hidden(mine, weights[held], bias[held], rows, exchange)
    whole = DotScores(mine, weights, bias)
    expected = rank_full(users, targets, whole, excluded, items, block, 5)
    found = sharded.rank_full(users, targets, excluded, block, 5)
    for name in ("users", "ranks", "ties", "candidates", "top"):
        assert np.array_equal(getattr(found, name), getattr(expected, name)), (name, items, counts, block)
    expected = rank_everything(whole, excluded, items, block, 5)
    found = sharded.rank_everything(excluded, block, 5)
    assert np.array_equal(found.items, expected.items) and np.array_equal(found.scores, expected.scores)
    assert np.allclose(found.totals, expected.totals, rtol=0, atol=1e-12)
    wanted = (users[:, None] * 5 + np.arange(6)) % items
    assert torch.equal(sharded.of(wanted), whole.of(wanted)), "scores of chosen items"
    assert torch.equal(sharded.block(0, items), whole.block(0, items)), "scores of a block"

with process_group(0) as group:
    for items in (101, 7, 2):
        for counts in ([4, 5, 3], [6, 0, 1], [0, 0, 2]):
            for block in (1000, 3):
                check(items, counts[: group.world_size], block, group)
print("rank done")
"""


@pytest.mark.torchrun
@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_ties_and_lists_equal_those_of_an_unsharded_vocabulary(ranks, tmp_path):
    assert on_ranks(ranks, WORKER, tmp_path).count("rank done") == ranks
