"""`BERT4Rec.encode` in training on CPU, with a transformer that is one node for autograd."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from engine.model.bert4rec import BERT4Rec
from engine.model.cpu.chunks import Piece, SeededPiece, deal, in_order
from engine.model.cpu.layers import Pullback, Sums
from engine.model.cpu.transformer import sums_of, transform
from engine.model.thread_pool import side_by_side

_Encoded = tuple[Piece, Tensor, Pullback]


def encode(model: BERT4Rec, items: Tensor, lengths: Tensor, positions: Tensor, half: bool = False) -> Tensor:
    """As `BERT4Rec.encode`. Goes backward once.

    half: let it work in bfloat16, with what it gives and all gradients of parameters in float32.
    """
    vectors = model.embed(items, lengths)
    hidden: Tensor = _Transform.apply(model, lengths, positions, half, vectors, *model.inside)
    return hidden


class _Transform(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        model: BERT4Rec,
        lengths: Tensor,
        positions: Tensor,
        half: bool,
        vectors: Tensor,
        *inside: Tensor,
    ) -> Tensor:
        hands = deal(lengths, positions)
        ctx.sums = sums_of(inside, half, len(hands))
        work = zip(hands, ctx.sums, strict=True)
        ctx.encoded = side_by_side([partial(_encode, model, vectors, *each) for each in work])
        return in_order([(piece, hidden) for hand in ctx.encoded for piece, hidden, _ in hand])

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, ...]:
        found = side_by_side([partial(_back, above, hand) for hand in ctx.encoded])
        whole, *others = ctx.sums
        for sums in others:
            whole.flat += sums.flat
        ctx.encoded = ctx.sums = None  # held by nobody else, gradients need not be copied
        of_vectors = in_order([each for hand in found for each in hand])
        return None, None, None, None, of_vectors, *whole.gradients


def _encode(model: BERT4Rec, vectors: Tensor, pieces: list[SeededPiece], sums: Sums) -> list[_Encoded]:
    return [
        (piece, *transform(model, vectors[piece.tokens], piece.lengths, piece.positions, sums, generator))
        for piece, generator in pieces
    ]


def _back(above: Tensor, encoded: list[_Encoded]) -> list[tuple[Piece, Tensor]]:
    return [(piece, back(above[piece.targets])) for piece, _, back in encoded]
