"""The transformer in training on CPU with its gradients written out: `BERT4Rec.transform` without autograd.

Autograd's bookkeeping takes longer than the arithmetic of a small batch; a large one is spared passes over memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.model.bert4rec import BERT4Rec, Block, SelfAttention
from engine.model.cpu.attention import attend, padding_bias
from engine.model.cpu.dropout_masks import draw_masks
from engine.model.cpu.head_layout import HeadLayout, group_rows
from engine.model.cpu.layers import (
    Affine,
    GradientAccumulator,
    Layer,
    Vjp,
    add_at,
    cast_and_cut,
    cast_and_fill,
    chain,
    copies_in,
    dropout,
    gelu,
    residual,
)

_MIN_ROWS = 32  # in bfloat16 numbers of rows are multiples of this

_table_backward = torch.ops.aten.embedding_dense_backward.default


def accumulators_for(
    parameters: Sequence[Tensor], dtype: torch.dtype, count: int = 1
) -> list[GradientAccumulator]:
    """Return accumulators of `BERT4Rec.transform_parameters`, one per worker. dtype: what `transform` computes in."""
    copies = None if dtype == parameters[0].dtype else copies_in(dtype, parameters)
    return [GradientAccumulator(parameters, copies) for _ in range(count)]


def transform(
    model: BERT4Rec,
    embedded_TD: Tensor,
    lengths: Tensor,
    positions: Tensor,
    accumulator: GradientAccumulator,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Vjp]:
    """Return the hidden vectors of `BERT4Rec.transform`, (N, D), and their vjp by the embedded items.

    The vjp adds the gradients by parameters to `accumulator`, whose dtype all layers but the first and the last
    compute in. generator: of dropout; torch's own if it is None.
    """
    tokens, targets, outer_dtype = len(embedded_TD), len(positions), embedded_TD.dtype
    casts = accumulator.dtype != outer_dtype
    rows, target_rows = (_rounded_up(tokens), _rounded_up(targets)) if casts else (tokens, targets)

    # how attention sees tokens in each block, and what dropout drops; queries that fill up are cut off at the end
    queries_N = functional.pad(positions, (0, target_rows - targets)) if target_rows > targets else positions
    plans = _attention_plans(model, lengths.numpy(), queries_N, positions.numpy(), rows, outer_dtype)
    input_mask, block_masks = _draw_masks(model, rows, accumulator.dtype, plans, generator)

    # the layers, in the order of `BERT4Rec.transform`
    blocks = cast("list[Block]", list(model.blocks))
    embedding: list[Layer] = [
        _add_positions(model.positions, distances_from_end(lengths.numpy()), accumulator),
        *([cast_and_fill(accumulator.dtype, rows)] if casts else []),
        accumulator.norm(model.input_norm),
        dropout(input_mask),
    ]
    transformer = [_block(*each, accumulator) for each in zip(blocks, plans, block_masks, strict=True)]
    head: list[Layer] = [
        *(accumulator.norm(model.last_norm), accumulator.affine(model.head), gelu),
        accumulator.norm(model.head_norm),
        *([cast_and_cut(outer_dtype, targets)] if casts else []),
    ]
    hidden_ND, layers_vjp = chain(*embedding, *transformer, *head)(embedded_TD)

    def vjp(grad_hidden: Tensor) -> Tensor:
        grad_embedded = layers_vjp(grad_hidden)
        accumulator.flush()
        return grad_embedded

    return hidden_ND, vjp


def query_counts(lengths: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Return how many of the chosen positions, rising, lie in each row: (R,)."""
    counts: np.ndarray = np.diff(np.searchsorted(positions, np.cumsum(lengths)), prepend=0)
    return counts


def distances_from_end(lengths: np.ndarray) -> Tensor:
    """Return each token's distance from the end of its row: (T,) int64."""
    ends = np.cumsum(lengths)
    return torch.from_numpy(np.repeat(ends - 1, lengths) - np.arange(lengths.sum()))


def _rounded_up(count: int) -> int:
    """Round up, by an eighth or to `_MIN_ROWS`: oneDNN compiles a bfloat16 kernel for each shape, in a millisecond."""
    step = max(_MIN_ROWS, 1 << max(0, count - 1).bit_length() >> 4)
    return count + -count % step


@dataclass(frozen=True)
class _AttentionPlan:
    """Which tokens of a block are queries, and how its attention sees queries and keys.

    queries_N: places of the queries among the tokens, None for all; biases: of each group, what hides padding keys.
    """

    queries_N: Tensor | None
    query_layout: HeadLayout
    key_layout: HeadLayout
    biases: list[Tensor | None]


def _attention_plans(
    model: BERT4Rec,
    lengths: np.ndarray,
    queries_N: Tensor,
    positions: np.ndarray,
    rows: int,
    dtype: torch.dtype,
) -> list[_AttentionPlan]:
    """Return each block's plan: all tokens are queries, but in the last block only those of `queries_N`.

    positions: the same without what fills them up; dtype: what attention computes in, float32 with bfloat16 tokens
    too.
    """
    heads = cast("Block", model.blocks[0]).attention.heads
    groups = group_rows(lengths)  # the same for queries and keys, since each group attends by itself
    layout = HeadLayout(lengths, groups, heads, rows, dtype)
    target_layout = HeadLayout(query_counts(lengths, positions), groups, heads, len(queries_N), dtype)
    biases = [padding_bias(group.mask_RL, heads, dtype) for group in layout.groups]
    # one layout for all blocks: the indices it makes of lengths are computed once
    all_tokens = _AttentionPlan(None, layout, layout, biases)
    return [all_tokens] * (len(model.blocks) - 1) + [_AttentionPlan(queries_N, target_layout, layout, biases)]


@dataclass(frozen=True)
class _BlockMasks:
    """Dropout masks of a block, None where nothing is dropped.

    attended, fed: of the outputs of attention and feed-forward; weights_BQK: of attention's weights in each group.
    """

    attended: Tensor | None
    fed: Tensor | None
    weights_BQK: list[Tensor | None]


def _draw_masks(
    model: BERT4Rec,
    rows: int,
    dtype: torch.dtype,
    plans: list[_AttentionPlan],
    generator: torch.Generator | None,
) -> tuple[Tensor | None, list[_BlockMasks]]:
    """Return the dropout masks of the input and of each block, drawn in two calls for all."""
    rate, width = model.dropout.p, model.positions.embedding_dim
    if not model.dropout.training or rate == 0:
        return None, [_BlockMasks(None, None, [None] * len(plan.biases)) for plan in plans]
    counts = [rows, *(plan.query_layout.tokens for plan in plans for _output in ("attended", "fed"))]
    input_mask, *token_masks = draw_masks(rate, [torch.Size([n, width]) for n in counts], dtype, generator)
    shapes = [shape for plan in plans for shape in _weight_shapes(plan)]
    # attention computes in float32 with bfloat16 tokens too, and so its masks are float32
    weight_masks = iter(draw_masks(rate, shapes, plans[0].key_layout.dtype, generator))
    return input_mask, [
        _BlockMasks(attended, fed, [next(weight_masks) for _group in plan.biases])
        for plan, attended, fed in zip(plans, token_masks[::2], token_masks[1::2], strict=True)
    ]


def _weight_shapes(plan: _AttentionPlan) -> list[torch.Size]:
    """Return the shape of attention's weights in each group: (B, Q, K)."""
    groups = zip(plan.query_layout.groups, plan.key_layout.groups, strict=True)
    heads = plan.query_layout.heads
    return [torch.Size([query.rows * heads, query.longest, key.longest]) for query, key in groups]


def _add_positions(table: nn.Embedding, distances_T: Tensor, accumulator: GradientAccumulator) -> Layer:
    """Return the layer x + rows of the table of positions."""

    def run(x_TD: Tensor) -> tuple[Tensor, Vjp]:
        def vjp(grad_output: Tensor) -> Tensor:
            grad_table = _table_backward(grad_output, distances_T, len(table.weight), -1, False)
            accumulator.gradient(table.weight).add_(grad_table)
            return grad_output

        return x_TD + table.weight.index_select(0, distances_T), vjp

    return run


def _block(block: Block, plan: _AttentionPlan, masks: _BlockMasks, accumulator: GradientAccumulator) -> Layer:
    """Return `Block` as a layer, with its two orders of norms."""
    attention = _attention(block.attention, plan, masks.weights_BQK, accumulator)
    feed_forward = chain(accumulator.affine(block.widen), gelu, accumulator.affine(block.narrow))
    attention_norm, feed_norm = accumulator.norm(block.attention_norm), accumulator.norm(block.feed_norm)
    if block.pre:
        return chain(
            residual(chain(attention_norm, attention), masks.attended, plan.queries_N),
            residual(chain(feed_norm, feed_forward), masks.fed),
        )
    return chain(
        residual(attention, masks.attended, plan.queries_N),
        attention_norm,
        residual(feed_forward, masks.fed),
        feed_norm,
    )


_Masks = list[Tensor | None]  # of attention's weights, one for each group


def _attention(
    layer: SelfAttention, plan: _AttentionPlan, masks: _Masks, accumulator: GradientAccumulator
) -> Layer:
    """Return `SelfAttention` as a layer, from all tokens to the queries."""
    qkv, out, width = accumulator.affine(layer.qkv), accumulator.affine(layer.out), layer.out.in_features
    if plan.queries_N is None:
        return chain(_attention_of_all(qkv, width, plan, masks), out)
    return chain(_attention_of_queries(qkv, width, plan, plan.queries_N, masks), out)


def _attention_of_all(qkv: Affine, width: int, plan: _AttentionPlan, masks: _Masks) -> Layer:
    """Return attention where all tokens are queries: one product makes query, key and value."""
    layout = plan.key_layout

    def run(x_TD: Tensor) -> tuple[Tensor, Vjp]:
        qkv_T3D, qkv_vjp = qkv(x_TD)
        mixed, attention_vjp = _attend_groups(layout.split(qkv_T3D, 3), width, plan, masks)

        def vjp(grad_output: Tensor) -> Tensor:
            grad_qkv = layout.buffer(3, mixed.shape[1])  # gradients are written where `merge` reads them
            attention_vjp(grad_output, layout.views(grad_qkv, 3))
            return qkv_vjp(layout.merge(grad_qkv, 3, x_TD.dtype))

        return layout.merge(mixed, 1, x_TD.dtype), vjp

    return run


def _attention_of_queries(
    qkv: Affine, width: int, plan: _AttentionPlan, queries_N: Tensor, masks: _Masks
) -> Layer:
    """Return attention where some tokens are queries: one product makes their queries, another all keys and values."""
    query_part, key_value_part = qkv.outputs(0, width), qkv.outputs(width, 3 * width)
    query_layout, key_layout = plan.query_layout, plan.key_layout

    def run(x_TD: Tensor) -> tuple[Tensor, Vjp]:
        # the other tokens' queries, a third of the product, are never computed
        query_ND, query_vjp = query_part(x_TD.index_select(0, queries_N))
        key_value_T2D, key_value_vjp = key_value_part(x_TD)
        parts = _joined(query_layout.split(query_ND, 1), key_layout.split(key_value_T2D, 2))
        mixed, attention_vjp = _attend_groups(parts, width, plan, masks)

        def vjp(grad_output: Tensor) -> Tensor:
            head_width = mixed.shape[1]
            grad_query, grad_key_value = query_layout.buffer(1, head_width), key_layout.buffer(2, head_width)
            grad_parts = _joined(query_layout.views(grad_query, 1), key_layout.views(grad_key_value, 2))
            attention_vjp(grad_output, grad_parts)
            grad_x = key_value_vjp(key_layout.merge(grad_key_value, 2, x_TD.dtype))
            return add_at(grad_x, query_vjp(query_layout.merge(grad_query, 1, x_TD.dtype)), queries_N)

        return query_layout.merge(mixed, 1, x_TD.dtype), vjp

    return run


_Parts = Iterable[Iterable[Tensor]]  # of each group its query, key and value, or their gradients


def _joined(queries: list[Tensor], keys_and_values: list[Tensor]) -> _Parts:
    """Return each group's query, key and value, from (1, …) and (2, …)."""
    return [(*query, *key_and_value) for query, key_and_value in zip(queries, keys_and_values, strict=True)]


def _attend_groups(
    parts: _Parts, width: int, plan: _AttentionPlan, masks: _Masks
) -> tuple[Tensor, Callable[[Tensor, _Parts], None]]:
    """Return attention's output, group by group as cells of a `HeadLayout`, and its vjp.

    The vjp takes the gradient by the output as tokens, and writes those by query, key and value to the memory it is
    given.
    """
    layout = plan.query_layout
    cells = layout.buffer(1, width // layout.heads)
    groups = zip(parts, plan.biases, masks, layout.views(cells, 1), strict=True)
    vjps = [attend(query, key, value, bias, mask, out[0]) for (query, key, value), bias, mask, out in groups]

    def vjp(grad_output: Tensor, grad_parts: _Parts) -> None:
        # zeros as padding: what a padded query got would go into the gradients of keys and values
        grads = layout.split_zero_padded(grad_output)
        for group_vjp, grad, (grad_query, grad_key, grad_value) in zip(vjps, grads, grad_parts, strict=True):
            group_vjp(grad, grad_query, grad_key, grad_value)

    return cells, vjp
