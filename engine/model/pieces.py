"""Pieces of a batch that are computed one after another, or on threads of their own.

What a piece computes stays in the processor's cache, and a thread that has a piece to itself shares no small operation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

TOKENS = 4096  # of a piece: enough to keep calls few, few enough for the last level of a cache
ATTENTION_DOUBLES = 512  # the length at which attention takes as long as all else in a block


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
    """Pieces for torch's threads, each with the generator of its dropout; fewer hands where there are fewer pieces.

    lengths, positions: as in `BERT4Rec.encode`. Pieces and what is drawn in each are the same for any number of
    threads.
    """
    count = 1 << max(
        0, round(math.log2(max(1, int(lengths.sum())) / TOKENS))
    )  # halves, quarters …: even shares
    pieces = list(cut(lengths, positions, count))
    seeds: list[int] = torch.empty(len(pieces), dtype=torch.int64).random_().tolist()
    seeded = [(piece, torch.Generator().manual_seed(seed)) for piece, seed in zip(pieces, seeds, strict=True)]
    hands = min(torch.get_num_threads(), len(pieces))
    return [seeded[hand::hands] for hand in range(hands)]


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
