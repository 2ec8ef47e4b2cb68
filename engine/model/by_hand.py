"""The transformer in training on CPU with its gradients written out: `BERT4Rec.transform` without autograd.

Autograd's bookkeeping takes a small batch longer than its arithmetic; a large one is spared passes over memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.model.attention import attend, padding_bias
from engine.model.bert4rec import BERT4Rec
from engine.model.blocks import Block, Ragged, SelfAttention
from engine.model.dropout import Dropout
from engine.model.heads import Heads
from engine.model.pullbacks import (
    Affine,
    Layer,
    Pullback,
    Sums,
    add_at,
    chain,
    coarsened,
    drop,
    gelu,
    refined,
    residual,
)

_LONGEST, _ASKING, _LEAST = 16, 8, 32  # in bfloat16 counts are multiples of these

_table_backward = torch.ops.aten.embedding_dense_backward.default


def encode(model: BERT4Rec, items: Tensor, lengths: Tensor, positions: Tensor, half: bool = False) -> Tensor:
    """As `BERT4Rec.encode`, with a transformer that is one node for autograd. Goes backward once.

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
        ctx.sums = sums_of(inside, half)
        hidden, ctx.back = transform(model, vectors, lengths, positions, ctx.sums)
        return hidden

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, ...]:
        of_vectors, gradients = ctx.back(above), ctx.sums.gradients
        ctx.back = ctx.sums = None  # held by nobody else, gradients need not be copied
        return None, None, None, None, of_vectors, *gradients


def sums_of(inside: Sequence[Tensor], half: bool) -> Sums:
    """Where `transform` adds up the gradients of `BERT4Rec.inside`. half: what it computes with is bfloat16."""
    return Sums(inside, torch.bfloat16 if half else None)


def transform(
    model: BERT4Rec, vectors: Tensor, lengths: Tensor, positions: Tensor, sums: Sums
) -> tuple[Tensor, Pullback]:
    """As `BERT4Rec.transform`, and its pullback from the hidden vectors to the items' vectors."""
    blocks = cast("list[Block]", list(model.blocks))
    half, heads = sums.kind != vectors.dtype, blocks[0].attention.heads
    tokens, targets = len(vectors), len(positions)
    rows = Ragged.of(lengths, _LONGEST if half else 1)
    asking = rows.of_chosen(positions, _ASKING if half else 1)
    counts = [_round(tokens), _round(targets)] if half else [tokens, targets]
    seen = _Seen(Heads(rows, heads, counts[0]), padding_bias(rows.keep, heads, sums.kind))
    places = functional.pad(positions, (0, counts[1] - targets)) if counts[1] > targets else positions
    wanted = _Asked(places, Heads(asking, heads, counts[1]))
    asked = [_Asked(None, seen.heads) for _ in blocks[1:]] + [wanted]
    masks = _masks(model.dropout, counts[0], vectors.shape[1], sums.kind, asked, rows.longest)
    layers: list[Layer] = [
        _placed(model.positions, rows.from_end(lengths, tokens), sums),
        *([coarsened(sums.kind, counts[0])] if half else []),
        sums.norm(model.input_norm),
        drop(next(masks)),
        *(_block(block, seen, who, masks, sums) for block, who in zip(blocks, asked, strict=True)),
        *(sums.norm(model.last_norm), sums.affine(model.head), gelu, sums.norm(model.head_norm)),
        *([refined(vectors.dtype, targets)] if half else []),
    ]
    return chain(*layers)(vectors)


def _round(count: int) -> int:
    """Up, by a sixteenth at most: oneDNN makes a bfloat16 kernel anew for every shape, which takes a millisecond."""
    step = max(_LEAST, 1 << max(0, count - 1).bit_length() - 4)
    return count + -count % step


@dataclass(frozen=True)
class _Asked:
    """Tokens that ask: their places among all, None for all of them, and how heads see them."""

    places: Tensor | None
    heads: Heads


@dataclass(frozen=True)
class _Seen:
    """Tokens that are asked: how heads see them, and the bias that hides padding."""

    heads: Heads
    bias: Tensor | None


def _masks(
    dropout: Dropout, tokens: int, width: int, kind: torch.dtype, asked: list[_Asked], longest: int
) -> Iterator[Tensor | None]:
    """What dropout multiplies with, in the order of its use; drawn at once, since each draw has its price."""
    shapes = [torch.Size([tokens, width])]
    for heads in (who.heads for who in asked):
        outputs = torch.Size([heads.tokens, width])
        shapes += [torch.Size([heads.batch, heads.rows.longest, longest]), outputs, outputs]
    return iter(dropout.masks(shapes, kind) if dropout.active else [None] * len(shapes))


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
    both, out = sums.affine(layer.qkv), sums.affine(layer.out)
    if asked.places is None:
        return chain(_all_ask(both, seen, kept), out)
    return chain(_some_ask(both, layer.out.in_features, seen, asked.places, asked.heads, kept), out)


def _all_ask(both: Affine, seen: _Seen, kept: Tensor | None) -> Layer:
    heads = seen.heads

    def run(tokens: Tensor) -> tuple[Tensor, Pullback]:
        found, both_back = both(tokens)
        query, key, value = heads.split(found, 3)
        mixed, attend_back = attend(query, key, value, seen.bias, kept)

        def back(above: Tensor) -> Tensor:
            of_all = mixed.new_empty((3, *mixed.shape))
            attend_back(heads.split_clean(above), *of_all)
            return both_back(heads.merge(of_all))

        return heads.merge(mixed[None]), back

    return run


def _some_ask(
    both: Affine, width: int, seen: _Seen, places: Tensor, asking: Heads, kept: Tensor | None
) -> Layer:
    """places: (asking,) int64, which of the tokens ask."""
    ask, answer = both.outputs(0, width), both.outputs(width, 3 * width)

    def run(tokens: Tensor) -> tuple[Tensor, Pullback]:
        queries, ask_back = ask(tokens.index_select(0, places))
        answers, answer_back = answer(tokens)
        (query,), (key, value) = asking.split(queries, 1), seen.heads.split(answers, 2)
        mixed, attend_back = attend(query, key, value, seen.bias, kept)

        def back(above: Tensor) -> Tensor:
            of_query, of_both = torch.empty_like(mixed), mixed.new_empty((2, *key.shape))
            attend_back(asking.split_clean(above), of_query, *of_both)
            of_tokens = answer_back(seen.heads.merge(of_both))
            return add_at(of_tokens, ask_back(asking.merge(of_query[None])), places)

        return asking.merge(mixed[None]), back

    return run
