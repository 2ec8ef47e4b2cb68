"""The output layer of dmp: each rank holds some rows of the vocabulary, and no rank ever sees them all.

Gradients follow the rule of the data-parallel part: what reaches the weights is the mean over ranks of each rank's
gradient. A rank has only its own rows, so it takes the hidden vectors of all ranks and divides by their number; the
gradient that comes from above must be the same number on every rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from engine.distributed.row_exchange import Exchange
from engine.model.losses.vocabulary_blocks import blocks_of_items, can_keep, logits_of

_LEAST_ROWS = 256  # of a block, so that its products are not all overhead


def even_rows(num_items: int, world_size: int) -> list[range]:
    """Rows of each rank, in order, as even as can be; a rank has none where there are more ranks than items."""
    bounds = [num_items * rank // world_size for rank in range(world_size + 1)]
    return [range(first, last) for first, last in pairwise(bounds)]


class OutputShard:
    """This rank's part of the output layer: `rows` of the vocabulary. `ranges` are the rows of every rank, rising.

    Its weights are (rows, emb_dim) and its biases (rows,); they belong to the model, which hands them in.
    """

    def __init__(self, ranges: Sequence[range], exchange: Exchange) -> None:
        self.ranges, self.exchange = list(ranges), exchange

    @property
    def rows(self) -> range:
        """The rows of this rank."""
        return self.ranges[self.exchange.rank]

    def full_softmax(self, hidden: Tensor, targets: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
        """Sum over this rank's targets of -log softmax over the items of all ranks. A collective.

        hidden: (targets, emb_dim); targets: (targets,) int64 of the whole vocabulary. The softmax over a vocabulary
        cut by rows: Shoeybi et al., Megatron-LM (arXiv 1909.08053), section 3.
        """
        return _ShardedSoftmax.apply(hidden, targets, weights, bias, self)

    def look_up(self, items: Tensor, table: Tensor) -> Tensor:
        """Rows of chosen items, (n,) int64 of the whole vocabulary, wherever they are: (n, width). A collective.

        table: (rows, width), this rank's part. Each rank may ask for other items and another number of them.
        """
        return _ShardedRows.apply(items, table, self)

    def local(self, items: Tensor) -> tuple[Tensor, Tensor]:
        """Places in `items` of those that are this rank's, and their rows here: each (found,) int64."""
        places = ((items >= self.rows.start) & (items < self.rows.stop)).nonzero()[:, 0]
        return places, items[places] - self.rows.start


class _ShardedSoftmax(torch.autograd.Function):
    """Two passes over blocks of the vocabulary: log-sum-exp going forward, gradients going back."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, targets: Tensor, weights: Tensor, bias: Tensor, shard: OutputShard
    ) -> Tensor:
        exchange = shard.exchange
        counts = exchange.counts(targets)
        everyone = exchange.gather_rows(hidden.detach(), counts)
        places, rows = shard.local(exchange.gather_rows(targets, counts))
        blocks = list(blocks_of_items(everyone, weights, _LEAST_ROWS))
        keep = can_keep(everyone, weights)
        total, kept = hidden.new_full((len(everyone),), -torch.inf), []
        for block in blocks:
            logits = logits_of(everyone, weights, bias, block)
            total = torch.logaddexp(total, logits.logsumexp(1))
            kept += [logits] if keep else []
        scores = torch.zeros_like(total)
        scores[places] = (everyone[places] * weights[rows]).sum(1) + bias[rows]
        total = exchange.stacked(total).logsumexp(0)
        exchange.sum(scores)
        ctx.save_for_backward(everyone, weights, bias, total, places, rows)
        ctx.shard, ctx.counts, ctx.blocks, ctx.kept = shard, counts, blocks, kept
        return (exchange.own(total, counts) - exchange.own(scores, counts)).sum()

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weights, bias, total, places, rows = ctx.saved_tensors
        exchange = ctx.shard.exchange
        scaled = hidden * (above / exchange.world_size)
        of_hidden, of_weights = torch.zeros_like(hidden), torch.empty_like(weights)
        of_bias = torch.empty_like(bias)
        for number, block in enumerate(ctx.blocks):
            logits = ctx.kept[number] if ctx.kept else logits_of(hidden, weights, bias, block)
            shares = logits.sub_(total[:, None]).exp_()
            of_hidden.addmm_(shares, weights[block])
            torch.mm(shares.t(), scaled, out=of_weights[block])
            torch.sum(shares, 0, out=of_bias[block])
        ctx.kept = []
        of_hidden.index_add_(0, places, weights[rows], alpha=-1)
        of_weights.index_add_(0, rows, scaled[places], alpha=-1)
        of_bias.index_add_(0, rows, torch.ones_like(total)[places], alpha=-1)
        of_bias *= above / exchange.world_size
        return exchange.scatter_sum(of_hidden, ctx.counts) * above, None, of_weights, of_bias, None


class _ShardedRows(torch.autograd.Function):
    """Rows from the ranks that hold them; gradients go back to those."""

    @staticmethod
    def forward(ctx: Any, items: Tensor, table: Tensor, shard: OutputShard) -> Tensor:
        exchange = shard.exchange
        counts = exchange.counts(items)
        places, rows = shard.local(exchange.gather_rows(items, counts))
        found = table.new_zeros((sum(counts), table.shape[1]))
        found[places] = table[rows]
        ctx.save_for_backward(places, rows)
        ctx.shard, ctx.counts, ctx.shape = shard, counts, table.shape
        return exchange.scatter_sum(found, counts)

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, ...]:
        places, rows = ctx.saved_tensors
        everyone = ctx.shard.exchange.gather_rows(above, ctx.counts)
        gradient = above.new_zeros(ctx.shape)
        gradient.index_add_(0, rows, everyone[places] / ctx.shard.exchange.world_size)
        return None, gradient, None
