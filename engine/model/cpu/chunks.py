"""Chunks of a batch that are computed one after another, or on threads of their own.

What a chunk computes stays in the processor's cache, and a thread that has a chunk to itself shares no small
operation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.contract import kernel_sizes

ATTENTION_DOUBLES = 256  # the length at which attention takes as long as everything else in a block


@dataclass(frozen=True)
class Chunk:
    """Some sequences of a batch. tokens, targets: where they lie in it; lengths: (R,) int64.

    positions: (N,) int64, counted from the first token of the chunk.
    """

    tokens: slice
    targets: slice
    lengths: Tensor
    positions: Tensor


SeededChunk = tuple[Chunk, torch.Generator]  # with the generator of its dropout


def assign_chunks(lengths: Tensor, positions: Tensor) -> list[list[SeededChunk]]:
    """Return the chunks of each worker, one per thread of torch, or fewer where chunks would be too small.

    lengths, positions: as in `BERT4Rec.encode`. Every chunk has a generator, so dropout does not depend on which
    thread computes it when.
    """
    tokens = int(lengths.sum())
    workers = max(1, min(torch.get_num_threads(), round(tokens / kernel_sizes.MIN_CHUNK_TOKENS)))
    per_worker = max(1, round(tokens / (workers * kernel_sizes.CHUNK_TOKENS)))
    chunks = list(split_batch(lengths, positions, workers * per_worker))
    seeds: list[int] = torch.empty(len(chunks), dtype=torch.int64).random_().tolist()
    seeded = [(chunk, torch.Generator().manual_seed(seed)) for chunk, seed in zip(chunks, seeds, strict=True)]
    # dealt out in turn: the lengths of a batch rise, and so does the padding of its chunks
    return [seeded[worker::workers] for worker in range(min(workers, len(chunks)))]


def split_batch(lengths: Tensor, positions: Tensor, count: int) -> Iterator[Chunk]:
    """Yield at most `count` chunks of about the same work, at least one sequence each. Otherwise as `assign_chunks`."""
    each = lengths.numpy()
    # tokens, and the pairs of them that attention computes
    work, ends = np.cumsum(each * (1 + each / ATTENTION_DOUBLES)), np.cumsum(each)
    last = np.searchsorted(work, work[-1] * np.arange(1, count + 1) / count)
    last = np.unique(np.minimum(last, len(ends) - 1))
    token_ends = ends[last]
    target_ends = np.searchsorted(positions.numpy(), token_ends)
    first_row = first_token = first_target = 0
    for row, token, target in zip(last + 1, token_ends, target_ends, strict=True):
        yield Chunk(
            slice(first_token, int(token)),
            slice(first_target, int(target)),
            lengths[first_row:row],
            positions[first_target:target] - first_token,
        )
        first_row, first_token, first_target = int(row), int(token), int(target)


def in_batch_order(parts: list[tuple[Chunk, Tensor]]) -> Tensor:
    """Return what was computed of each chunk, rows for tokens or targets, as rows of the batch."""
    tensors = [tensor for _, tensor in sorted(parts, key=lambda part: part[0].tokens.start)]
    return tensors[0] if len(tensors) == 1 else torch.cat(tensors)
