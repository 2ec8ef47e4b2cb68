"""A step's loss and gradients made piece by piece, so that what a piece computes stays in the processor's cache.

Gradients of a sum are sums of gradients: a piece runs forward and backward before the next one begins, and no more
than its activations is ever held.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.data.loader import Batch
from engine.model.bert4rec import BERT4Rec
from engine.model.by_hand import sums_of, transform
from engine.model.losses.full import Output, OutputSums, add_softmax
from engine.model.pullbacks import Sums
from engine.model.room import Room
from engine.model.workers import side_by_side

LEAST_TOKENS = 1024  # for a thread of its own
TOKENS = 4096  # of a piece: enough to keep calls few, few enough for the last level of a cache


@dataclass(frozen=True)
class Piece:
    """Whole sequences of a batch. tokens, targets: where they lie in it; the tensors as in `Batch`, counted from 0."""

    tokens: slice
    targets: slice
    lengths: Tensor
    positions: Tensor


def deal(batch: Batch, threads: int) -> list[list[Piece]]:
    """Pieces for so many threads, as many for each; for fewer where a thread would have too little to do."""
    tokens = len(batch.items)
    hands = max(1, min(threads, tokens // LEAST_TOKENS))
    each = -(-tokens // (hands * TOKENS))
    pieces = list(cut(batch, -(-tokens // (hands * each))))
    return [pieces[hand::hands] for hand in range(min(hands, len(pieces)))]


def cut(batch: Batch, tokens: int) -> Iterator[Piece]:
    """Pieces of about `tokens` tokens, at least one sequence each."""
    if len(batch.items) <= tokens:
        yield Piece(slice(0, len(batch.items)), slice(0, len(batch.targets)), batch.lengths, batch.positions)
        return
    ends = np.cumsum(batch.lengths.numpy())
    last = np.searchsorted(ends, np.arange(tokens, int(ends[-1]) + tokens, tokens))
    last = np.unique(np.minimum(last, len(ends) - 1))
    token_ends = ends[last]
    target_ends = np.searchsorted(batch.positions.numpy(), token_ends)
    first_row = first_token = first_target = 0
    for row, token, target in zip(last + 1, token_ends, target_ends, strict=True):
        yield Piece(
            slice(first_token, int(token)),
            slice(first_target, int(target)),
            batch.lengths[first_row:row],
            batch.positions[first_target:target] - first_token,
        )
        first_row, first_token, first_target = int(row), int(token), int(target)


def full_softmax_by_pieces(model: BERT4Rec, batch: Batch, weight: float, half: bool, room: Room) -> Tensor:
    """`weight` times `losses.full.full_softmax` of the encoded batch. Goes backward once.

    The item table and the output layer are whole. half: let transformer and softmax work in bfloat16, with all sums
    and gradients in float32. room: where gradients by the table and the output layer are made.
    """
    output = [] if model.output is None else [model.output]
    loss: Tensor = _ByPieces.apply(
        model, batch, weight, half, room, model.table, model.output_bias, *output, *model.inside
    )
    return loss


class _ByPieces(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, model: BERT4Rec, batch: Batch, weight: float, half: bool, room: Room, *_: Tensor
    ) -> Tensor:
        vectors = model.table.index_select(0, batch.items)
        output_table = model.table if model.output is None else model.output
        factor = room.coarser(output_table)[: model.num_items] if half else None
        output = Output(model.item_weights, model.output_bias, factor)
        hands = deal(batch, torch.get_num_threads())
        seeds = torch.empty(len(hands), dtype=torch.int64).random_().tolist()
        made = [room.gradient_of(output_table, number) for number in range(len(hands))]
        shares = [
            _Share(
                vectors.new_zeros(()),
                {},
                OutputSums(place[: model.num_items], torch.empty_like(model.output_bias)),
                inside,
            )
            for place, inside in zip(made, sums_of(model.inside, half, len(hands)), strict=True)
        ]
        work = zip(shares, hands, seeds, strict=True)
        side_by_side(
            [partial(_add, share, pieces, model, batch, vectors, output, weight, seed) for share, pieces, seed in work]
        )
        whole, *others = shares
        for share in others:
            whole.add(share)
        whole.output.finish()
        of_table = made[0] if model.output is None else room.gradient_of(model.table)
        (of_table if model.output is not None else of_table[model.num_items :]).zero_()
        of_table.index_add_(0, batch.items, torch.cat([part for _, part in sorted(whole.vectors.items())]))
        of_output = [] if model.output is None else [made[0]]
        ctx.gradients = [of_table, whole.output.bias, *of_output, *whole.inside.gradients]
        return whole.loss

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, ...]:
        gradients, ctx.gradients = ctx.gradients, None  # held by nobody else, they need not be copied
        if float(above) != 1:
            gradients = [gradient.mul_(above) for gradient in gradients]
        return (None, None, None, None, None, *gradients)


@dataclass
class _Share:
    """What one thread found. vectors: gradients by the items' vectors of each piece, by its first token."""

    loss: Tensor
    vectors: dict[int, Tensor]
    output: OutputSums
    inside: Sums

    def add(self, other: _Share) -> None:
        """Take in what another thread found."""
        self.loss += other.loss
        self.vectors |= other.vectors
        self.output.add(other.output)
        self.inside.flat += other.inside.flat


def _add(
    share: _Share,
    pieces: list[Piece],
    model: BERT4Rec,
    batch: Batch,
    vectors: Tensor,
    output: Output,
    weight: float,
    seed: int,
) -> None:
    """Add what `pieces` give. seed: of the dropout in all of them."""
    generator = torch.Generator().manual_seed(seed)
    for piece in pieces:
        hidden, back = transform(
            model, vectors[piece.tokens], piece.lengths, piece.positions, share.inside, generator
        )
        loss, of_hidden = add_softmax(hidden, batch.targets[piece.targets], output, share.output, weight)
        share.vectors[piece.tokens.start] = back(of_hidden)
        share.loss += loss
