"""The transformer in training on CPU with its gradients written out: `BERT4Rec.transform` without autograd.

Autograd's bookkeeping takes a small batch longer than its arithmetic; a large one is spared passes over memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from engine.model.attention import attend, padding_bias
from engine.model.bert4rec import BERT4Rec
from engine.model.blocks import Block, Ragged, SelfAttention
from engine.model.dropout import Dropout
from engine.model.pullbacks import Layer, Pullback, Sums, add_at, chain, drop, gelu, residual

_table_backward = torch.ops.aten.embedding_dense_backward.default


def encode(model: BERT4Rec, items: Tensor, lengths: Tensor, positions: Tensor) -> Tensor:
    """As `BERT4Rec.encode`, with a transformer that is one node for autograd. Goes backward once."""
    hidden: Tensor = _Transform.apply(model, lengths, positions, model.embed(items, lengths), *model.inside)
    return hidden


class _Transform(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, model: BERT4Rec, lengths: Tensor, positions: Tensor, vectors: Tensor, *inside: Tensor
    ) -> Tensor:
        ctx.sums = Sums(inside)
        hidden, ctx.back = transform(model, vectors, lengths, positions, ctx.sums)
        return hidden

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, ...]:
        of_vectors, gradients = ctx.back(above), ctx.sums.gradients
        ctx.back = ctx.sums = None  # held by nobody else, gradients need not be copied
        return None, None, None, of_vectors, *gradients


def transform(
    model: BERT4Rec, vectors: Tensor, lengths: Tensor, positions: Tensor, sums: Sums
) -> tuple[Tensor, Pullback]:
    """As `BERT4Rec.transform`, and its pullback from the hidden vectors to the items' vectors."""
    blocks = cast("list[Block]", list(model.blocks))
    rows, heads = Ragged.of(lengths), blocks[0].attention.heads
    seen = _Seen(rows, padding_bias(rows.keep, heads, vectors.dtype))
    everything = _Asked(None, rows, len(vectors))
    wanted = _Asked(positions, rows.of_chosen(positions), len(positions))
    asked = [everything for _ in blocks[1:]] + [wanted]
    masks = _masks(model.dropout, vectors, rows, asked, heads)
    layers: list[Layer] = [
        _placed(model.positions, rows.from_end(lengths, len(vectors)), sums),
        sums.norm(model.input_norm),
        drop(next(masks)),
        *(_block(block, seen, who, masks, sums) for block, who in zip(blocks, asked, strict=True)),
        *(sums.norm(model.last_norm), sums.affine(model.head), gelu, sums.norm(model.head_norm)),
    ]
    return chain(*layers)(vectors)


@dataclass(frozen=True)
class _Asked:
    """Tokens that ask: their places among all, None for all of them, how they lie in rows, and how many there are."""

    places: Tensor | None
    rows: Ragged
    count: int


@dataclass(frozen=True)
class _Seen:
    """Tokens that are asked: how they lie in rows, and the bias that hides padding."""

    rows: Ragged
    bias: Tensor | None


def _masks(
    dropout: Dropout, vectors: Tensor, rows: Ragged, asked: list[_Asked], heads: int
) -> Iterator[Tensor | None]:
    """What dropout multiplies with, in the order of its use; drawn at once, since each draw has its price."""
    width, batch = vectors.shape[1], (len(rows.offsets) - 1) * heads
    shapes = [vectors.shape]
    for who in asked:
        outputs = torch.Size([who.count, width])
        shapes += [torch.Size([batch, who.rows.longest, rows.longest]), outputs, outputs]
    return iter(dropout.masks(shapes, vectors.dtype) if dropout.active else [None] * len(shapes))


def _placed(table: nn.Embedding, places: Tensor, sums: Sums) -> Layer:
    """tokens + their rows of a table of positions. places: (tokens,) int64."""

    def run(tokens: Tensor) -> tuple[Tensor, Pullback]:
        def back(above: Tensor) -> Tensor:
            sums.of(table.weight).add_(_table_backward(above, places, len(table.weight), -1, False))
            return above

        return tokens + table.weight.index_select(0, places), back

    return run


def _block(block: Block, seen: _Seen, asked: _Asked, masks: Iterator[Tensor | None], sums: Sums) -> Layer:
    attention = _attention(block.attention, seen, asked, next(masks), sums)
    attended, fed = next(masks), next(masks)
    feed = chain(sums.affine(block.widen), gelu, sums.affine(block.narrow))
    attention_norm, feed_norm = sums.norm(block.attention_norm), sums.norm(block.feed_norm)
    if block.pre:
        return chain(
            residual(chain(attention_norm, attention), attended, asked.places),
            residual(chain(feed_norm, feed), fed),
        )
    return chain(residual(attention, attended, asked.places), attention_norm, residual(feed, fed), feed_norm)


def _attention(layer: SelfAttention, seen: _Seen, asked: _Asked, kept: Tensor | None, sums: Sums) -> Layer:
    """From all tokens to those that ask."""
    heads, width = layer.heads, layer.out.in_features
    both = sums.affine(layer.qkv)
    ask, answer, out = both.outputs(0, width), both.outputs(width, 3 * width), sums.affine(layer.out)

    def run(tokens: Tensor) -> tuple[Tensor, Pullback]:
        places = asked.places
        queries, ask_back = ask(tokens if places is None else tokens.index_select(0, places))
        answers, answer_back = answer(tokens)
        (query,), (key, value) = _split(queries, asked.rows, heads, 1), _split(answers, seen.rows, heads, 2)
        mixed, attend_back = attend(query, key, value, seen.bias, kept)
        found, out_back = out(_merge(mixed[None], asked.rows, heads, asked.count))

        def back(above: Tensor) -> Tensor:
            (of_mixed,) = _split(out_back(above), asked.rows, heads, 1)
            of_query, of_key_and_value = attend_back(of_mixed)
            of_tokens = answer_back(_merge(of_key_and_value, seen.rows, heads, len(tokens)))
            return add_at(of_tokens, ask_back(_merge(of_query[None], asked.rows, heads, asked.count)), places)

        return found, back

    return run


def _split(tokens: Tensor, rows: Ragged, heads: int, parts: int) -> Tensor:
    """(tokens, parts × emb_dim) → (parts, rows × heads, positions, width of a head), zeros as padding."""
    padded = rows.pad(tokens)
    count, longest, width = padded.shape
    split = padded.view(count, longest, parts, heads, width // parts // heads).permute(2, 0, 3, 1, 4)
    return split.reshape(parts, count * heads, longest, width // parts // heads)


def _merge(split: Tensor, rows: Ragged, heads: int, tokens: int) -> Tensor:
    """The inverse of `_split`; what stands in padding is dropped."""
    parts, batch, longest, width = split.shape
    padded = split.view(parts, batch // heads, heads, longest, width).permute(1, 3, 0, 2, 4)
    return rows.unpad(padded.reshape(batch // heads, longest, parts * heads * width), tokens)
