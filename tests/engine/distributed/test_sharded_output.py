"""The sharded softmax and lookups on real ranks, against plain cross-entropy and indexing of full weights."""

import pytest
import torch
from torch.nn import functional

from engine.contract import kernel_sizes
from engine.distributed.row_exchange import RowExchange
from engine.distributed.sharded_output import OutputShard, even_rows
from tests.torchrun import on_ranks

WORKER = """
import torch
from torch.nn import functional
from engine.contract import kernel_sizes
from engine.distributed import sharded_output

from engine.distributed.row_exchange import RowExchange
from engine.distributed.process_group import process_group
from engine.distributed.sharded_output import OutputShard, even_rows

def whole(items, counts):
    torch.manual_seed(7)
    parts = (torch.randn(sum(counts), 8), torch.randn(items, 8), torch.randn(items))
    return *(part.requires_grad_() for part in parts), torch.randint(items, (sum(counts),))

def own(tensor, counts, rank):
    first = sum(counts[:rank])
    return tensor.detach()[first : first + counts[rank]].clone().requires_grad_(tensor.is_floating_point())

def close(found, expected, what):
    assert torch.allclose(found, expected, atol=1e-5, rtol=1e-5), (what, (found - expected).abs().max())

def check_softmax(items, counts, rank, ranks):
    hidden, weights, bias, targets = whole(items, counts)
    losses = functional.cross_entropy(hidden @ weights.T + bias, targets, reduction="none")
    losses.mean().backward()
    ranges = even_rows(items, ranks)
    shard = OutputShard(ranges, RowExchange(rank, ranks))
    held = slice(shard.rows.start, shard.rows.stop)
    mine = own(hidden, counts, rank)
    rows, biases = (part.detach()[held].clone().requires_grad_() for part in (weights, bias))
    loss = shard.full_softmax(mine, own(targets, counts, rank), rows, biases)
    close(loss, own(losses, counts, rank).sum(), "loss")
    (loss * (ranks / sum(counts))).backward()  # as the training loop does, for gradients that are averaged over ranks
    close(mine.grad / ranks, own(hidden.grad, counts, rank), "gradient of hidden vectors")
    close(rows.grad, weights.grad[held], "gradient of weights")
    close(biases.grad, bias.grad[held], "gradient of biases")

def check_lookup(items, counts, rank, ranks):
    _, weights, _, wanted = whole(items, counts)
    expected = functional.embedding(wanted, weights)
    expected.square().sum().backward()
    shard = OutputShard(even_rows(items, ranks), RowExchange(rank, ranks))
    held = slice(shard.rows.start, shard.rows.stop)
    rows = weights.detach()[held].clone().requires_grad_()
    found = shard.look_up(own(wanted, counts, rank), rows)
    assert torch.equal(found, own(expected, counts, rank)), "other rows"
    (found.square().sum() * ranks).backward()
    close(rows.grad, weights.grad[held], "gradient of rows that were looked up")

with process_group(0) as group:
    rank, ranks = group.rank, group.world_size
    for cells, kept in ((1 << 20, 1 << 24), (1, 1 << 24), (1, 0)):
        kernel_sizes.BLOCK_LOGITS, kernel_sizes.RETAINED_LOGITS, sharded_output._LEAST_ROWS = cells, kept, 10
        for items in (101, 2, 1):
            for counts in ([3, 4, 5], [0, 6, 1], [5, 0, 0]):
                check_softmax(items, counts[:ranks], rank, ranks)
                check_lookup(items, counts[:ranks], rank, ranks)
print("rank done")
"""


@pytest.mark.torchrun
@pytest.mark.parametrize("ranks", [2, 3])
def test_loss_and_gradients_are_those_of_the_whole_softmax(ranks, tmp_path):
    assert on_ranks(ranks, WORKER, tmp_path).count("rank done") == ranks


def test_all_rows_are_divided_evenly():
    assert even_rows(101, 3) == [range(0, 33), range(33, 67), range(67, 101)]
    assert even_rows(2, 3) == [range(0, 0), range(0, 1), range(1, 2)]


def test_one_rank_needs_no_process_group(monkeypatch):
    monkeypatch.setattr(kernel_sizes, "BLOCK_LOGITS", 1)
    monkeypatch.setattr(kernel_sizes, "RETAINED_LOGITS", 0)
    torch.manual_seed(1)
    parts = [torch.randn(6, 8), torch.randn(700, 8), torch.randn(700)]
    ours, plain = ([part.clone().requires_grad_() for part in parts] for _ in range(2))
    targets = torch.randint(700, (6,))
    shard = OutputShard(even_rows(700, 1), RowExchange(0, 1))
    shard.full_softmax(ours[0], targets, *ours[1:]).backward()
    functional.cross_entropy(plain[0] @ plain[1].T + plain[2], targets, reduction="sum").backward()
    for found, expected in zip(ours, plain, strict=True):
        torch.testing.assert_close(found.grad, expected.grad, atol=1e-5, rtol=1e-5)
