"""Pieces of a batch that are computed one after another, or on threads of their own.

What a piece computes stays in the processor's cache, and a thread that has a piece to itself shares no small operation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

TOKENS = 4096  # of a piece: enough to keep calls few, few enough for the last level of a cache
LEAST_TOKENS = 1024  # of a piece for a thread of its own; of smaller ones threads share each operation
ATTENTION_DOUBLES = 256  # the length at which attention takes as long as all else in a block


@dataclass(frozen=True)
class Piece:
    """Whole sequences of a batch. tokens, targets: where they lie in it; lengths: (sequences,) int64.

    positions: (targets,) int64, counted from the first token of the piece.
    """

    tokens: slice
    targets: slice
    lengths: Tensor
    positions: Tensor


SeededPiece = tuple[Piece, torch.Generator]


def deal(lengths: Tensor, positions: Tensor) -> list[list[SeededPiece]]:
    """As many pieces for each of torch's threads, or for fewer of them where pieces would be too small.

    lengths, positions: as in `BERT4Rec.encode`. With each piece comes the generator of its dropout.
    """
    tokens = int(lengths.sum())
    hands = max(1, min(torch.get_num_threads(), round(tokens / LEAST_TOKENS)))
    pieces = list(cut(lengths, positions, hands * max(1, round(tokens / (hands * TOKENS)))))
    seeds: list[int] = torch.empty(len(pieces), dtype=torch.int64).random_().tolist()
    seeded = [(piece, torch.Generator().manual_seed(seed)) for piece, seed in zip(pieces, seeds, strict=True)]
    return [seeded[hand::hands] for hand in range(min(hands, len(pieces)))]


def cut(lengths: Tensor, positions: Tensor, count: int) -> Iterator[Piece]:
    """At most so many pieces of about the same work, at least one sequence each. Otherwise as in `deal`."""
    each = lengths.numpy()
    work, ends = np.cumsum(each * (1 + each / ATTENTION_DOUBLES)), np.cumsum(each)
    last = np.searchsorted(work, work[-1] * np.arange(1, count + 1) / count)
    last = np.unique(np.minimum(last, len(ends) - 1))
    token_ends = ends[last]
    target_ends = np.searchsorted(positions.numpy(), token_ends)
    first_row = first_token = first_target = 0
    for row, token, target in zip(last + 1, token_ends, target_ends, strict=True):
        yield Piece(
            slice(first_token, int(token)),
            slice(first_target, int(target)),
            lengths[first_row:row],
            positions[first_target:target] - first_token,
        )
        first_row, first_token, first_target = int(row), int(token), int(target)


def in_order(parts: list[tuple[Piece, Tensor]]) -> Tensor:
    """What was made of each piece, rows for tokens or targets, as rows of the batch."""
    found = [tensor for _, tensor in sorted(parts, key=lambda part: part[0].tokens.start)]
    return found[0] if len(found) == 1 else torch.cat(found)
