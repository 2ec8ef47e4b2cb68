"""The layout of attention: tokens as padded rows of each head, and back, in one pass over memory either way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

# a group of rows ends where its cells would be more than twice those in use, and more than 4,096 of them padding:
# less is not worth the calls of another group
_WASTE_FACTOR, _WASTE_CELLS = 2, 4096


def group_rows(lengths: np.ndarray) -> list[slice]:
    """Return groups of rows that attend separately, so that short rows are not padded to the longest of all.

    lengths: (R,) int64, of rows that are sorted by length as well as they can be.
    """
    groups, first, longest, used = list[slice](), 0, 0, 0
    for row, length in enumerate(lengths.tolist()):
        new_longest, new_used = max(longest, length), used + length * length
        cells = (row + 1 - first) * new_longest * new_longest  # of the group's scores, with this row in it
        if row > first and cells > _WASTE_FACTOR * new_used and cells - new_used > _WASTE_CELLS:
            groups.append(slice(first, row))
            first, new_longest, new_used = row, length, length * length
        longest, used = new_longest, new_used
    return [*groups, slice(first, len(lengths))]


@dataclass(frozen=True)
class RowGroup:
    """Rows that are padded to one length.

    mask_RL: bool, False for padding; first: the group's first cell among those of all groups; unpadded: whether
    there is no padding.
    """

    mask_RL: np.ndarray
    first: int
    unpadded: bool

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.mask_RL.shape[0]

    @property
    def longest(self) -> int:
        """The length that rows are padded to."""
        return self.mask_RL.shape[1]


class HeadLayout:
    """Converts between tokens, one after another, and cells: one group of rows after another, in each the heads' rows.

    lengths: (R,) int64, of the rows that the first of the tokens lie in; groups: of rows; tokens: their number,
    those in no row included (bfloat16 fills up); dtype: what attention computes in, whatever dtype tokens have.
    """

    def __init__(
        self, lengths: np.ndarray, groups: Sequence[slice], heads: int, tokens: int, dtype: torch.dtype
    ) -> None:
        self.tokens, self.heads, self.dtype, self._lengths = tokens, heads, dtype, lengths
        self._in_rows = int(lengths.sum())
        self.groups, cells = list[RowGroup](), 0
        for rows in groups:
            mask_RL = np.arange(lengths[rows].max(initial=0)) < lengths[rows, None]
            self.groups.append(RowGroup(mask_RL, cells, bool(mask_RL.all())))
            cells += mask_RL.size
        self._cells = cells
        self._unpadded = len(self.groups) == 1 and cells == self._in_rows
        self._split_indices, self._merge_indices = dict[int, Tensor](), dict[int, Tensor]()

    def split(self, tokens: Tensor, parts: int) -> list[Tensor]:
        """Return each group's padded rows by heads: (T, parts × D) → (parts, B, longest, W), padding arbitrary.

        parts: how many of query, key and value lie side by side in a token.
        """
        width = tokens.shape[1] // parts // self.heads
        if self._unpadded:
            (group,) = self.groups  # without padding a permutation does it, and no index is needed
            shape = (group.rows, group.longest, parts, self.heads, width)
            cells = tokens[: self._in_rows].view(shape).permute(2, 0, 3, 1, 4).reshape(-1, width)
            return self.views(cells.to(self.dtype), parts)
        if parts not in self._split_indices:
            self._split_indices[parts] = torch.from_numpy(self._split_index(parts))
        cells = tokens.view(-1, width).index_select(0, self._split_indices[parts])
        return self.views(cells.to(self.dtype), parts)

    def split_zero_padded(self, tokens: Tensor) -> list[Tensor]:
        """Return `split` of one part with zeros as padding: (B, longest, W) for each group."""
        split = self.split(tokens, 1)
        for (part,), group in zip(split, self.groups, strict=True):
            if not group.unpadded:
                mask_BL1 = torch.from_numpy(group.mask_RL).repeat_interleave(self.heads, 0)[:, :, None]
                part.mul_(mask_BL1.to(part.dtype))
        return [part[0] for part in split]

    def buffer(self, parts: int, width: int) -> Tensor:
        """Return memory for `split` of so many parts: (cells, W)."""
        return torch.empty((parts * self.heads * self._cells, width), dtype=self.dtype)

    def views(self, cells: Tensor, parts: int) -> list[Tensor]:
        """Return views of a `buffer` shaped as `split` returns them."""
        each = parts * self.heads
        return [
            cells[each * group.first : each * (group.first + group.mask_RL.size)].view(
                parts, group.rows * self.heads, group.longest, cells.shape[1]
            )
            for group in self.groups
        ]

    def merge(self, cells: Tensor, parts: int, dtype: torch.dtype) -> Tensor:
        """Return a `buffer` as tokens, the inverse of `split`: (T, parts × D), zeros for tokens in no row."""
        columns = parts * self.heads * cells.shape[1]
        if self._unpadded:
            (group,) = self.groups
            shape = (parts, group.rows, self.heads, group.longest, cells.shape[1])
            tokens = cells.view(shape).permute(1, 3, 0, 2, 4).reshape(self._in_rows, columns)
        else:
            if parts not in self._merge_indices:
                self._merge_indices[parts] = torch.from_numpy(self._merge_index(parts))
            tokens = cells.index_select(0, self._merge_indices[parts]).view(self._in_rows, columns)
        missing = self.tokens - self._in_rows
        return functional.pad(tokens.to(dtype), (0, 0, 0, missing)) if missing else tokens.to(dtype)

    @cached_property
    def _row_starts(self) -> np.ndarray:
        """The first token of each row: (R,)."""
        starts: np.ndarray = np.cumsum(self._lengths) - self._lengths
        return starts

    def _split_index(self, parts: int) -> np.ndarray:
        """Return, for each group, part, row, head and position, which of the tokens' parts and heads goes there."""
        heads = np.arange(0, parts * self.heads).reshape(parts, 1, self.heads, 1)
        indices, row = [], 0
        for group in self.groups:
            starts = self._row_starts[row : row + group.rows, None, None]
            # padding reads beyond its row: from the next one, at the end from the last token
            tokens_R1L = np.minimum(starts + np.arange(group.longest), self.tokens - 1)
            indices.append((tokens_R1L * (parts * self.heads) + heads).ravel())
            row += group.rows
        return np.concatenate(indices)

    def _merge_index(self, parts: int) -> np.ndarray:
        """Return, for each token, part and head, its place among groups, parts, rows, heads and positions."""
        indices = []
        for group in self.groups:
            per_row, per_part = self.heads * group.longest, self.heads * group.mask_RL.size
            places_RL = per_row * np.arange(group.rows)[:, None] + np.arange(group.longest)
            part_starts = parts * self.heads * group.first + per_part * np.arange(parts)[:, None]
            head_starts = part_starts + group.longest * np.arange(self.heads)
            indices.append((places_RL[group.mask_RL][:, None, None] + head_starts).ravel())
        return np.concatenate(indices)
