"""The transformer in training on CPU with its gradients written out: `BERT4Rec.transform` without autograd.

Autograd's bookkeeping takes a small batch longer than its arithmetic; a large one is spared passes over memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.model.bert4rec import BERT4Rec
from engine.model.blocks import Block, SelfAttention
from engine.model.cpu.attention import attend, padding_bias
from engine.model.cpu.head_layout import Heads, grouped
from engine.model.cpu.layers import (
    Affine,
    Layer,
    Pullback,
    Sums,
    add_at,
    chain,
    coarsened,
    coarser,
    drop,
    gelu,
    refined,
    residual,
)
from engine.model.dropout import Dropout

_LEAST = 32  # in bfloat16 counts are multiples of this

_table_backward = torch.ops.aten.embedding_dense_backward.default


def sums_of(inside: Sequence[Tensor], half: bool, count: int = 1) -> list[Sums]:
    """So many times what `transform` adds up gradients of `BERT4Rec.inside` in. half: products are in bfloat16."""
    factors = coarser(inside, torch.bfloat16) if half else None
    return [Sums(inside, factors) for _ in range(count)]


def transform(
    model: BERT4Rec,
    vectors: Tensor,
    lengths: Tensor,
    positions: Tensor,
    sums: Sums,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Pullback]:
    """As `BERT4Rec.transform`, and its pullback from the hidden vectors to the items' vectors.

    generator: what dropout draws from; torch's own if it is None.
    """
    blocks = cast("list[Block]", list(model.blocks))
    half, heads = sums.kind != vectors.dtype, blocks[0].attention.heads
    tokens, targets = len(vectors), len(positions)
    counts = [_round(tokens), _round(targets)] if half else [tokens, targets]
    found, asking = lengths.numpy(), asking_of(lengths.numpy(), positions.numpy())
    groups = grouped(found)
    seen = Heads(found, groups, heads, counts[0], vectors.dtype)
    wanted = Heads(asking, groups, heads, counts[1], vectors.dtype)
    biases = [padding_bias(group.keep, heads, seen.kind) for group in seen.groups]
    places = functional.pad(positions, (0, counts[1] - targets)) if counts[1] > targets else positions
    asked = [_Asked(None, seen, seen, biases) for _ in blocks[1:]] + [_Asked(places, wanted, seen, biases)]
    masks = _Masks(model.dropout, counts[0], vectors.shape[1], sums.kind, asked, generator)
    layers: list[Layer] = [
        _placed(model.positions, from_end(found), sums),
        *([coarsened(sums.kind, counts[0])] if half else []),
        sums.norm(model.input_norm),
        drop(next(masks.of_tokens)),
        *(_block(block, who, masks, sums) for block, who in zip(blocks, asked, strict=True)),
        *(sums.norm(model.last_norm), sums.affine(model.head), gelu, sums.norm(model.head_norm)),
        *([refined(vectors.dtype, targets)] if half else []),
    ]
    hidden, back = chain(*layers)(vectors)

    def settled(above: Tensor) -> Tensor:
        of_vectors = back(above)
        sums.settle()
        return of_vectors

    return hidden, settled


def asking_of(lengths: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """How many of the chosen positions, rising, are in each row: (rows,)."""
    found: np.ndarray = np.diff(np.searchsorted(positions, np.cumsum(lengths)), prepend=0)
    return found


def from_end(lengths: np.ndarray) -> Tensor:
    """How far each token is from the end of its row: (tokens,) int64."""
    ends = np.cumsum(lengths)
    return torch.from_numpy(np.repeat(ends - 1, lengths) - np.arange(lengths.sum()))


def _round(count: int) -> int:
    """Up, by an eighth or to `_LEAST`: oneDNN makes a bfloat16 kernel for every shape, in a millisecond."""
    step = max(_LEAST, 1 << max(0, count - 1).bit_length() >> 4)
    return count + -count % step


@dataclass(frozen=True)
class _Asked:
    """Who asks and who is asked in a block.

    places: which of the tokens ask, None for all of them; asking, seen: how heads see them and the tokens that are
    asked; biases: of each group, what hides the padding of those.
    """

    places: Tensor | None
    asking: Heads
    seen: Heads
    biases: list[Tensor | None]


class _Masks:
    """What dropout multiplies with, in the order of its use; drawn together, since each draw has its price.

    of_tokens: masks of the inputs and of what each half of a block adds; of_shares: those of attention, by block and
    group. None where nothing is dropped.
    """

    def __init__(
        self,
        dropout: Dropout,
        tokens: int,
        width: int,
        kind: torch.dtype,
        asked: list[_Asked],
        generator: torch.Generator | None,
    ) -> None:
        outputs, shares = [torch.Size([tokens, width])], list[torch.Size]()
        for who in asked:
            outputs += [torch.Size([who.asking.tokens, width])] * 2
            for mine, other in zip(who.asking.groups, who.seen.groups, strict=True):
                shares.append(torch.Size([mine.rows * who.asking.heads, mine.longest, other.longest]))
        draws = [(outputs, kind), (shares, asked[0].seen.kind)]
        self.of_tokens, self.of_shares = (
            iter(dropout.masks(shapes, each, generator)) if dropout.active else repeat(None)
            for shapes, each in draws
        )


def _placed(table: nn.Embedding, places: Tensor, sums: Sums) -> Layer:
    """tokens + their rows of a table of positions. places: (tokens,) int64."""

    def run(tokens: Tensor) -> tuple[Tensor, Pullback]:
        def back(above: Tensor) -> Tensor:
            sums.of(table.weight).add_(_table_backward(above, places, len(table.weight), -1, False))
            return above

        return tokens + table.weight.index_select(0, places), back

    return run


def _block(block: Block, asked: _Asked, masks: _Masks, sums: Sums) -> Layer:
    kept = [next(masks.of_shares) for _ in asked.biases]
    attention = _attention(block.attention, asked, kept, sums)
    attended, fed = next(masks.of_tokens), next(masks.of_tokens)
    feed = chain(sums.affine(block.widen), gelu, sums.affine(block.narrow))
    attention_norm, feed_norm = sums.norm(block.attention_norm), sums.norm(block.feed_norm)
    if block.pre:
        return chain(
            residual(chain(attention_norm, attention), attended, asked.places),
            residual(chain(feed_norm, feed), fed),
        )
    return chain(residual(attention, attended, asked.places), attention_norm, residual(feed, fed), feed_norm)


def _attention(layer: SelfAttention, asked: _Asked, kept: list[Tensor | None], sums: Sums) -> Layer:
    """From all tokens to those that ask. kept: of each group, what its shares are multiplied with."""
    both, out, width = sums.affine(layer.qkv), sums.affine(layer.out), layer.out.in_features
    if asked.places is None:
        return chain(_all_ask(both, width, asked, kept), out)
    return chain(_some_ask(both, width, asked, asked.places, kept), out)


def _all_ask(both: Affine, width: int, asked: _Asked, kept: list[Tensor | None]) -> Layer:
    heads = asked.seen

    def run(tokens: Tensor) -> tuple[Tensor, Pullback]:
        found, both_back = both(tokens)
        mixed, attend_back = _attend(heads.split(found, 3), width, asked, kept)

        def back(above: Tensor) -> Tensor:
            of_all = heads.room(3, mixed.shape[1])
            attend_back(above, heads.views(of_all, 3))
            return both_back(heads.merge(of_all, 3, tokens.dtype))

        return heads.merge(mixed, 1, tokens.dtype), back

    return run


def _some_ask(both: Affine, width: int, asked: _Asked, places: Tensor, kept: list[Tensor | None]) -> Layer:
    ask, answer = both.outputs(0, width), both.outputs(width, 3 * width)
    asking, seen = asked.asking, asked.seen

    def run(tokens: Tensor) -> tuple[Tensor, Pullback]:
        queries, ask_back = ask(tokens.index_select(0, places))
        answers, answer_back = answer(tokens)
        parts = _together(asking.split(queries, 1), seen.split(answers, 2))
        mixed, attend_back = _attend(parts, width, asked, kept)

        def back(above: Tensor) -> Tensor:
            of_query, of_both = asking.room(1, mixed.shape[1]), seen.room(2, mixed.shape[1])
            attend_back(above, _together(asking.views(of_query, 1), seen.views(of_both, 2)))
            of_tokens = answer_back(seen.merge(of_both, 2, tokens.dtype))
            return add_at(of_tokens, ask_back(asking.merge(of_query, 1, tokens.dtype)), places)

        return asking.merge(mixed, 1, tokens.dtype), back

    return run


_Parts = Iterable[Iterable[Tensor]]  # of each group its query, key and value, or their gradients


def _together(queries: list[Tensor], both: list[Tensor]) -> _Parts:
    """Of each group its query, key and value, (1, …) and (2, …)."""
    return [(*query, *key_and_value) for query, key_and_value in zip(queries, both, strict=True)]


def _attend(
    parts: _Parts, width: int, asked: _Asked, kept: list[Tensor | None]
) -> tuple[Tensor, Callable[[Tensor, _Parts], None]]:
    """Attention group by group: cells as of `Heads.room`, and what writes the gradients of `parts` to places."""
    asking = asked.asking
    mixed = asking.room(1, width // asking.heads)
    groups = zip(parts, asked.biases, kept, asking.views(mixed, 1), strict=True)
    backs = [
        attend(query, key, value, bias, mask, place[0]) for (query, key, value), bias, mask, place in groups
    ]

    def back(above: Tensor, places: _Parts) -> None:
        for attend_back, part, (of_query, of_key, of_value) in zip(
            backs, asking.split_clean(above), places, strict=True
        ):
            attend_back(part, of_query, of_key, of_value)

    return mixed, back
