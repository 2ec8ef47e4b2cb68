"""The output layer of dmp: each rank holds some rows of the vocabulary, and no rank ever holds all of them.

Gradients follow the rule of the data-parallel part: a weight's gradient is the mean over ranks of each rank's
gradient. A rank has only its own rows, so it takes the hidden vectors of all ranks and divides by the number of
ranks; `grad_output` must be the same number on every rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from engine.distributed.row_exchange import RowExchange
from engine.model.losses.vocabulary_blocks import blocks_of_items, can_keep, logits_of

_LEAST_ROWS = 256  # per block, so that its matrix products are more than overhead


def even_rows(num_items: int, world_size: int) -> list[range]:
    """Divide the rows among ranks, in order and as evenly as possible; with more ranks than items some get none."""
    bounds = [num_items * rank // world_size for rank in range(world_size + 1)]
    return [range(first, last) for first, last in pairwise(bounds)]


class OutputShard:
    """This rank's part of the output layer: `rows` of the vocabulary. `ranges`: the rows of every rank, ascending.

    Its weights (rows, emb_dim) and biases (rows,) belong to the model, which passes them in.
    """

    def __init__(self, ranges: Sequence[range], exchange: RowExchange) -> None:
        self.ranges, self.exchange = list(ranges), exchange

    @property
    def rows(self) -> range:
        """This rank's rows."""
        return self.ranges[self.exchange.rank]

    def full_softmax(self, hidden: Tensor, targets: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
        """Return the sum over this rank's targets of -log softmax over the items of all ranks. A collective.

        hidden: (targets, emb_dim); targets: (targets,) int64, of the full vocabulary. For the softmax over a
        row-sharded vocabulary see Shoeybi et al., Megatron-LM (arXiv 1909.08053), section 3.
        """
        return _ShardedSoftmax.apply(hidden, targets, weights, bias, self)

    def look_up(self, items: Tensor, table: Tensor) -> Tensor:
        """Return the rows of items, (n,) int64 of the full vocabulary, whichever rank holds them: (n, width).

        A collective. table: (rows, width), this rank's part. Items and their number may differ between ranks.
        """
        return _ShardedRows.apply(items, table, self)

    def local(self, items: Tensor) -> tuple[Tensor, Tensor]:
        """Return the places in `items` of this rank's items, and their local rows: each (local items,) int64."""
        places = ((items >= self.rows.start) & (items < self.rows.stop)).nonzero()[:, 0]
        return places, items[places] - self.rows.start


class _ShardedSoftmax(torch.autograd.Function):
    """Makes two passes over blocks of the vocabulary: log-sum-exp in forward, gradients in backward."""

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
        total, retained = hidden.new_full((len(everyone),), -torch.inf), []
        for block in blocks:
            logits = logits_of(everyone, weights, bias, block)
            total = torch.logaddexp(total, logits.logsumexp(1))
            retained += [logits] if keep else []
        scores = torch.zeros_like(total)
        scores[places] = (everyone[places] * weights[rows]).sum(1) + bias[rows]
        total = exchange.stacked(total).logsumexp(0)
        exchange.sum(scores)
        ctx.save_for_backward(everyone, weights, bias, total, places, rows)
        ctx.shard, ctx.counts, ctx.blocks, ctx.logits = shard, counts, blocks, retained
        return (exchange.own(total, counts) - exchange.own(scores, counts)).sum()

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weights, bias, total, places, rows = ctx.saved_tensors
        exchange = ctx.shard.exchange
        scaled = hidden * (grad_output / exchange.world_size)
        grad_hidden, grad_weights = torch.zeros_like(hidden), torch.empty_like(weights)
        grad_bias = torch.empty_like(bias)
        for number, block in enumerate(ctx.blocks):
            logits = ctx.logits[number] if ctx.logits else logits_of(hidden, weights, bias, block)
            probabilities = logits.sub_(total[:, None]).exp_()
            grad_hidden.addmm_(probabilities, weights[block])
            torch.mm(probabilities.t(), scaled, out=grad_weights[block])
            torch.sum(probabilities, 0, out=grad_bias[block])
        ctx.logits = []  # frees them now, not when autograd frees the graph
        grad_hidden.index_add_(0, places, weights[rows], alpha=-1)
        grad_weights.index_add_(0, rows, scaled[places], alpha=-1)
        grad_bias.index_add_(0, rows, torch.ones_like(total)[places], alpha=-1)
        grad_bias *= grad_output / exchange.world_size
        return (
            exchange.scatter_sum(grad_hidden, ctx.counts) * grad_output,
            None,
            grad_weights,
            grad_bias,
            None,
        )


class _ShardedRows(torch.autograd.Function):
    """Looks rows up on the ranks that hold them; gradients go back to those ranks."""

    @staticmethod
    def forward(ctx: Any, items: Tensor, table: Tensor, shard: OutputShard) -> Tensor:
        exchange = shard.exchange
        counts = exchange.counts(items)
        places, rows = shard.local(exchange.gather_rows(items, counts))
        local = table.new_zeros((sum(counts), table.shape[1]))
        local[places] = table[rows]
        ctx.save_for_backward(places, rows)
        ctx.shard, ctx.counts, ctx.shape = shard, counts, table.shape
        return exchange.scatter_sum(local, counts)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        places, rows = ctx.saved_tensors
        everyone = ctx.shard.exchange.gather_rows(grad_output, ctx.counts)
        grad_table = grad_output.new_zeros(ctx.shape)
        grad_table.index_add_(0, rows, everyone[places] / ctx.shard.exchange.world_size)
        return None, grad_table, None
