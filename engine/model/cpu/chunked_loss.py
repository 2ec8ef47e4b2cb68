"""The full softmax's loss and gradients made piece by piece: forward and backward before the next piece begins.

Gradients of a sum are sums of gradients, and so no more than the activations of a piece is ever held by a thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from engine.data.loader import Batch
from engine.model.bert4rec import BERT4Rec
from engine.model.cpu.chunks import Piece, SeededPiece, deal, in_order
from engine.model.cpu.gradient_buffers import Room
from engine.model.cpu.layers import Sums
from engine.model.cpu.transformer import sums_of, transform
from engine.model.losses.full_softmax import Output, OutputSums, add_softmax
from engine.model.thread_pool import side_by_side


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
        hands = deal(batch.lengths, batch.positions)
        made = [room.gradient_of(output_table, number) for number in range(len(hands))]
        shares = [
            _Share(
                vectors.new_zeros(()),
                [],
                OutputSums(place[: model.num_items], torch.empty_like(model.output_bias)),
                inside,
            )
            for place, inside in zip(made, sums_of(model.inside, half, len(hands)), strict=True)
        ]
        work = zip(shares, hands, strict=True)
        side_by_side([partial(_add, *each, model, batch, vectors, output, weight) for each in work])
        whole, *others = shares
        for share in others:
            whole.add(share)
        whole.output.finish()
        of_table = made[0] if model.output is None else room.gradient_of(model.table)
        (of_table if model.output is not None else of_table[model.num_items :]).zero_()
        of_table.index_add_(0, batch.items, in_order(whole.vectors))
        of_output = [] if model.output is None else [made[0]]
        ctx.room = room
        ctx.gradients = [of_table, whole.output.bias, *of_output, *whole.inside.gradients]
        return whole.loss

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, ...]:
        gradients, ctx.gradients = ctx.gradients, None  # held by nobody else, they need not be copied
        ctx.room.handed_over()
        if float(above) != 1:
            gradients = [gradient.mul_(above) for gradient in gradients]
        return (None, None, None, None, None, *gradients)


@dataclass
class _Share:
    """What one thread found. vectors: gradients by the items' vectors of each piece."""

    loss: Tensor
    vectors: list[tuple[Piece, Tensor]]
    output: OutputSums
    inside: Sums

    def add(self, other: _Share) -> None:
        """Take in what another thread found."""
        self.loss += other.loss
        self.vectors += other.vectors
        self.output.add(other.output)
        self.inside.flat += other.inside.flat


def _add(
    share: _Share,
    pieces: list[SeededPiece],
    model: BERT4Rec,
    batch: Batch,
    vectors: Tensor,
    output: Output,
    weight: float,
) -> None:
    """Add what `pieces` give."""
    for piece, generator in pieces:
        hidden, back = transform(
            model, vectors[piece.tokens], piece.lengths, piece.positions, share.inside, generator
        )
        loss, of_hidden = add_softmax(hidden, batch.targets[piece.targets], output, share.output, weight)
        share.vectors.append((piece, back(of_hidden)))
        share.loss += loss
