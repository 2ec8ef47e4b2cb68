"""The full softmax's loss and gradients computed chunk by chunk: forward and backward before the next chunk begins.

Gradients of a sum are sums of gradients, and so no thread ever holds more than the activations of one chunk.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from engine.data.loader import Batch
from engine.model.bert4rec import BERT4Rec
from engine.model.cpu.chunks import Chunk, SeededChunk, assign_chunks, in_batch_order
from engine.model.cpu.gradient_buffers import GradientBuffers
from engine.model.cpu.layers import GradientAccumulator
from engine.model.cpu.softmax import OutputGradients, OutputLayer, add_softmax
from engine.model.cpu.transformer import accumulators_for, transform
from engine.model.thread_pool import run_parallel


def chunked_full_softmax(
    model: BERT4Rec, batch: Batch, weight: float, dtype: torch.dtype, buffers: GradientBuffers
) -> Tensor:
    """Return `weight` times `losses.full_softmax.full_softmax` of the encoded batch. Goes backward once.

    The item table and the output layer are not sharded. dtype: float32, or bfloat16 to let transformer and softmax
    compute in it, with sums and gradients in float32. buffers: memory for the gradients by the table and the output
    layer.
    """
    output = [] if model.output is None else [model.output]
    loss: Tensor = _ChunkedFullSoftmax.apply(
        model,
        batch,
        weight,
        dtype,
        buffers,
        model.table,
        model.output_bias,
        *output,
        *model.transform_parameters,
    )
    return loss


class _ChunkedFullSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        model: BERT4Rec,
        batch: Batch,
        weight: float,
        dtype: torch.dtype,
        buffers: GradientBuffers,
        *_: Tensor,  # the parameters, for autograd to give their gradients to
    ) -> Tensor:
        embedded_TD = model.table.index_select(0, batch.items)
        output_table = model.table if model.output is None else model.output
        bf16_weights = buffers.bf16_copy(output_table)[: model.num_items] if dtype == torch.bfloat16 else None
        output = OutputLayer(model.item_weights, model.output_bias, bf16_weights)
        workers = assign_chunks(batch.lengths, batch.positions)
        table_grads = [buffers.gradient_of(output_table, number) for number in range(len(workers))]
        accumulators = accumulators_for(model.transform_parameters, dtype, len(workers))
        shares = [
            _Share(embedded_TD.new_zeros(()), [], _output_gradients(model, table_grad), accumulator)
            for table_grad, accumulator in zip(table_grads, accumulators, strict=True)
        ]
        work = zip(shares, workers, strict=True)
        run_parallel(
            [partial(_add_chunks, *each, model, batch, embedded_TD, output, weight) for each in work]
        )
        total, *others = shares
        for share in others:
            total.add(share)
        total.output.finish()
        ctx.buffers = buffers
        ctx.gradients = _gradients(model, batch, table_grads[0], total, buffers)
        return total.loss

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        gradients, ctx.gradients = ctx.gradients, None  # held by nobody else, they need not be copied
        ctx.buffers.handed_over()
        if float(grad_output) != 1:
            gradients = [gradient.mul_(grad_output) for gradient in gradients]
        return (None, None, None, None, None, *gradients)


@dataclass
class _Share:
    """One worker's part of loss and gradients. embedded: gradients by the embedded items of each chunk."""

    loss: Tensor
    embedded: list[tuple[Chunk, Tensor]]
    output: OutputGradients
    transformer: GradientAccumulator

    def add(self, other: _Share) -> None:
        """Add another worker's part."""
        self.loss += other.loss
        self.embedded += other.embedded
        self.output.add(other.output)
        self.transformer.flat += other.transformer.flat


def _output_gradients(model: BERT4Rec, table_grad: Tensor) -> OutputGradients:
    """Return empty gradients of the output layer, those by weights in the memory of its table's gradient."""
    return OutputGradients(table_grad[: model.num_items], torch.empty_like(model.output_bias))


def _gradients(
    model: BERT4Rec, batch: Batch, output_grad: Tensor, total: _Share, buffers: GradientBuffers
) -> list[Tensor]:
    """Return all gradients, in the order of the parameters. output_grad: that by the table of the output layer."""
    tied = model.output is None
    table_grad = output_grad if tied else buffers.gradient_of(model.table)
    # the softmax has written the rows of items where the table is tied; only the mask token's row has no score
    (table_grad[model.num_items :] if tied else table_grad).zero_()
    table_grad.index_add_(0, batch.items, in_batch_order(total.embedded))
    outputs = [] if tied else [output_grad]
    return [table_grad, total.output.bias_V, *outputs, *total.transformer.gradients]


def _add_chunks(
    share: _Share,
    chunks: list[SeededChunk],
    model: BERT4Rec,
    batch: Batch,
    embedded_TD: Tensor,
    output: OutputLayer,
    weight: float,
) -> None:
    """Add loss and gradients of `chunks` to `share`."""
    for chunk, generator in chunks:
        hidden_ND, vjp = transform(
            model,
            embedded_TD[chunk.tokens],
            chunk.lengths,
            chunk.positions,
            share.transformer,
            generator,
        )
        loss, grad_hidden = add_softmax(hidden_ND, batch.targets[chunk.targets], output, share.output, weight)
        # backward at once: after it the chunk's activations are free
        share.embedded.append((chunk, vjp(grad_hidden)))
        share.loss += loss
