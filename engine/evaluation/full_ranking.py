"""The protocol `full`: ranks held-out items among all unseen items, a block of items at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.contract.ranks.user_ranks import UserRanks, ranks_of_counts
from engine.evaluation.ranks import compare
from engine.evaluation.scores import Scores
from engine.evaluation.top_k import TopK


@dataclass(frozen=True)
class Excluded:
    """Distinct pairs (row of the batch, item) that are not candidates, none of them a target: each (pairs,) int64."""

    rows: np.ndarray
    items: np.ndarray

    def within(self, first: int, last: int) -> Excluded:
        """Return the pairs whose item is one of first … last - 1, with items counted from `first`."""
        inside = (self.items >= first) & (self.items < last)
        return Excluded(self.rows[inside], self.items[inside] - first)


def rank_full(
    users: np.ndarray,
    targets: np.ndarray,
    scores: Scores,
    excluded: Excluded,
    num_items: int,
    block: int,
    list_length: int = 0,
) -> UserRanks:
    """Rank targets among all items but the excluded, scored `block` at a time; the counts of blocks add up.

    A target is compared using the bits that its own block gives. So with several blocks, those with a target are
    scored twice: retaining the scores of all would take users × items.
    """
    blocks = list(blocks_of(num_items, block))
    only_block = scores.block(*blocks[0]) if len(blocks) == 1 else None
    target_scores = (
        scores_of_targets(scores, targets, blocks) if only_block is None else _pick(only_block, targets)
    )
    top = TopK(list_length)
    better, equal = rank_counts(scores, target_scores, excluded, blocks, top, only_block).numpy()
    candidates = num_items - np.bincount(excluded.rows, minlength=len(users))
    lists = top.items().cpu().numpy() if list_length else None
    return ranks_of_counts(users, better, equal - 1, candidates, lists)


def rank_counts(
    scores: Scores,
    target_scores: Tensor,
    excluded: Excluded,
    blocks: Iterable[tuple[int, int]],
    top: TopK,
    only_block: Tensor | None = None,
) -> Tensor:
    """Count the better and the equal items in the blocks, the target included: (2, users) int64 on CPU.

    target_scores: (users, 1). top: collects the best items on the way. only_block: its scores, if already computed.
    """
    users = len(target_scores)
    counts = torch.zeros((2, users), dtype=torch.int64)
    for first, last in blocks:
        block = scores.block(first, last) if only_block is None else only_block
        if block.shape != (users, last - first):
            raise ValueError(f"the scorer returned {tuple(block.shape)}, not {(users, last - first)}")
        exclude(block, excluded.within(first, last))
        counts += torch.stack(compare(block, target_scores)).cpu()
        if top.k:
            top.add(block, first)
    return counts


def blocks_of(num_items: int, block: int) -> Iterator[tuple[int, int]]:
    """Yield the first item and the excluded end of each block."""
    return ((first, min(first + block, num_items)) for first in range(0, num_items, block))


def scores_of_targets(scores: Scores, targets: np.ndarray, blocks: list[tuple[int, int]]) -> Tensor:
    """Return the scores of targets (batch,), taken from their own blocks: (batch, 1). Blocks must contain them all."""
    parts, rows = [], []
    for first, last in blocks:
        mine = np.flatnonzero((targets >= first) & (targets < last))
        if len(mine):
            parts.append(_pick(scores.block(first, last)[torch.from_numpy(mine)], targets[mine] - first))
            rows.append(mine)
    if not parts:
        return scores.of(np.empty((0, 1), np.int64))
    order = np.argsort(np.concatenate(rows))
    return torch.cat(parts)[torch.from_numpy(order)]


def _pick(scores: Tensor, columns: np.ndarray) -> Tensor:
    """Return one score of each row: (rows, 1)."""
    return scores.gather(1, torch.from_numpy(columns.astype(np.int64)).to(scores.device)[:, None])


def exclude(scores: Tensor, excluded: Excluded) -> None:
    """Set the scores of the excluded pairs to -inf, in place."""
    rows, items = (torch.from_numpy(part).to(scores.device) for part in (excluded.rows, excluded.items))
    scores[rows, items] = -torch.inf
