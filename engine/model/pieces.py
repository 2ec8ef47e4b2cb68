"""A step's loss and gradients made piece by piece, so that what a piece computes stays in the processor's cache.

Gradients of a sum are sums of gradients: a piece runs forward and backward before the next one begins, and no more
than its activations is ever held.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.data.loader import Batch
from engine.model.bert4rec import BERT4Rec
from engine.model.by_hand import sums_of, transform
from engine.model.losses.full import softmax_gradients

TOKENS = 4096  # of a piece: enough to keep calls few, few enough for the last level of a cache


@dataclass(frozen=True)
class Piece:
    """Whole sequences of a batch. tokens, targets: where they lie in it; the tensors as in `Batch`, counted from 0."""

    tokens: slice
    targets: slice
    lengths: Tensor
    positions: Tensor


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


def full_softmax_by_pieces(model: BERT4Rec, batch: Batch, weight: float, half: bool) -> Tensor:
    """`weight` times `losses.full.full_softmax` of the encoded batch. Goes backward once.

    half: let transformer and softmax work in bfloat16, with all sums and gradients in float32.
    """
    vectors = model.embed(batch.items, batch.lengths)
    return _ByPieces.apply(
        model, batch, weight, half, vectors, model.item_weights, model.output_bias, *model.inside
    )


class _ByPieces(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        model: BERT4Rec,
        batch: Batch,
        weight: float,
        half: bool,
        vectors: Tensor,
        weights: Tensor,
        bias: Tensor,
        *inside: Tensor,
    ) -> Tensor:
        loss, sums = vectors.new_zeros(()), sums_of(inside, half)
        parts: list[Tensor] = []
        of_output: list[Tensor] = []
        for piece in cut(batch, TOKENS):
            hidden, back = transform(model, vectors[piece.tokens], piece.lengths, piece.positions, sums)
            found = softmax_gradients(hidden, batch.targets[piece.targets], weights, bias, weight, half)
            parts.append(back(found.hidden))
            of_output = _added(of_output, (found.weights, found.bias))
            loss += found.loss
        ctx.gradients = [torch.cat(parts) if len(parts) > 1 else parts[0], *of_output, *sums.gradients]
        return loss

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, ...]:
        gradients, ctx.gradients = ctx.gradients, None  # held by nobody else, they need not be copied
        if float(above) != 1:
            gradients = [gradient.mul_(above) for gradient in gradients]
        return (None, None, None, None, *gradients)


def _added(sums: Sequence[Tensor], found: Sequence[Tensor]) -> list[Tensor]:
    return [total.add_(one) for total, one in zip(sums, found, strict=True)] if sums else list(found)
