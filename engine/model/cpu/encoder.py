"""`BERT4Rec.encode` in training on CPU, with a transformer that is one node for autograd."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from engine.model.bert4rec import BERT4Rec
from engine.model.cpu.chunks import Chunk, SeededChunk, assign_chunks, in_batch_order
from engine.model.cpu.layers import GradientAccumulator, Vjp
from engine.model.cpu.transformer import accumulators_for, transform
from engine.model.thread_pool import run_parallel

_Encoded = tuple[Chunk, Tensor, Vjp]


def encode(
    model: BERT4Rec, items: Tensor, lengths: Tensor, positions: Tensor, dtype: torch.dtype | None = None
) -> Tensor:
    """Return the hidden vectors of `BERT4Rec.encode`. Goes backward once.

    dtype: what layers compute in, the parameters' own if it is None; hidden vectors and gradients have the parameters'.
    """
    embedded_TD = model.embed(items, lengths)
    dtype = embedded_TD.dtype if dtype is None else dtype
    hidden_ND: Tensor = _Transform.apply(
        model, lengths, positions, dtype, embedded_TD, *model.transform_parameters
    )
    return hidden_ND


class _Transform(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        model: BERT4Rec,
        lengths: Tensor,
        positions: Tensor,
        dtype: torch.dtype,
        embedded_TD: Tensor,
        *parameters: Tensor,
    ) -> Tensor:
        workers = assign_chunks(lengths, positions)
        ctx.accumulators = accumulators_for(parameters, dtype, len(workers))
        work = zip(workers, ctx.accumulators, strict=True)
        ctx.encoded = run_parallel([partial(_encode_chunks, model, embedded_TD, *each) for each in work])
        return in_batch_order([(chunk, hidden) for worker in ctx.encoded for chunk, hidden, _ in worker])

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        grad_chunks = run_parallel([partial(_chunk_vjps, grad_output, worker) for worker in ctx.encoded])
        total, *others = ctx.accumulators
        for accumulator in others:
            total.flat += accumulator.flat
        ctx.encoded = ctx.accumulators = None  # held by nobody else, gradients need not be copied
        grad_embedded = in_batch_order([each for worker in grad_chunks for each in worker])
        return None, None, None, None, grad_embedded, *total.gradients


def _encode_chunks(
    model: BERT4Rec, embedded_TD: Tensor, chunks: list[SeededChunk], accumulator: GradientAccumulator
) -> list[_Encoded]:
    return [
        (
            chunk,
            *transform(
                model, embedded_TD[chunk.tokens], chunk.lengths, chunk.positions, accumulator, generator
            ),
        )
        for chunk, generator in chunks
    ]


def _chunk_vjps(grad_output: Tensor, encoded: list[_Encoded]) -> list[tuple[Chunk, Tensor]]:
    return [(chunk, vjp(grad_output[chunk.targets])) for chunk, _, vjp in encoded]
