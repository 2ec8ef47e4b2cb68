"""Tokens as attention's heads see them: in rows, each head by itself, in one pass over memory either way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

# a group of rows is closed where padding would be more than the cells in use, and more than so many
_WASTE, _CELLS = 2, 4096


def grouped(lengths: np.ndarray) -> list[slice]:
    """Rows in groups that attend by themselves, so that short rows are not padded to the longest of all.

    lengths: (rows,) int64, of rows that lie by length as well as they can.
    """
    groups, first, longest, used = list[slice](), 0, 0, 0
    for row, length in enumerate(lengths.tolist()):
        reach, cells = max(longest, length), used + length * length
        room = (row + 1 - first) * reach * reach
        if row > first and room > _WASTE * cells and room - cells > _CELLS:
            groups.append(slice(first, row))
            first, reach, cells = row, length, length * length
        longest, used = reach, cells
    return [*groups, slice(first, len(lengths))]


@dataclass(frozen=True)
class Group:
    """Rows that are padded to one length.

    keep: (rows, longest) bool, False for padding; first: place among cells; whole: whether there is no padding.
    """

    keep: np.ndarray
    first: int
    whole: bool

    @property
    def rows(self) -> int:
        """How many."""
        return self.keep.shape[0]

    @property
    def longest(self) -> int:
        """What they are padded to."""
        return self.keep.shape[1]


class Heads:
    """Between tokens one after another and, a group of rows after another, rows of them by heads.

    lengths: (rows,) int64, of the rows that the first of the tokens lie in; groups: of rows; tokens: how many there
    are, those in no row included; kind: what heads compute in, whatever type tokens have.
    """

    def __init__(
        self, lengths: np.ndarray, groups: Sequence[slice], heads: int, tokens: int, kind: torch.dtype
    ) -> None:
        self.tokens, self.heads, self.kind, self._lengths = tokens, heads, kind, lengths
        self._lying = int(lengths.sum())
        self.groups, cells = list[Group](), 0
        for rows in groups:
            keep = np.arange(lengths[rows].max(initial=0)) < lengths[rows, None]
            self.groups.append(Group(keep, cells, bool(keep.all())))
            cells += keep.size
        self._cells = cells
        self._even = len(self.groups) == 1 and cells == self._lying
        self._from_tokens, self._to_tokens = dict[int, Tensor](), dict[int, Tensor]()

    def split(self, tokens: Tensor, parts: int) -> list[Tensor]:
        """(tokens, parts × emb_dim) → of each group (parts, rows × heads, longest, width), anything as padding.

        width is that of a head.
        """
        width = tokens.shape[1] // parts // self.heads
        if self._even:
            (group,) = self.groups
            shape = (group.rows, group.longest, parts, self.heads, width)
            cells = tokens[: self._lying].view(shape).permute(2, 0, 3, 1, 4).reshape(-1, width)
            return self.views(cells.to(self.kind), parts)
        if parts not in self._from_tokens:
            self._from_tokens[parts] = torch.from_numpy(self._split_index(parts))
        return self.views(
            tokens.view(-1, width).index_select(0, self._from_tokens[parts]).to(self.kind), parts
        )

    def split_clean(self, tokens: Tensor) -> list[Tensor]:
        """`split` of one part with zeros as padding: of each group (rows × heads, longest, width)."""
        found = self.split(tokens, 1)
        for (part,), group in zip(found, self.groups, strict=True):
            if not group.whole:
                kept = torch.from_numpy(group.keep).repeat_interleave(self.heads, 0)[:, :, None]
                part.mul_(kept.to(part.dtype))
        return [part[0] for part in found]

    def room(self, parts: int, width: int) -> Tensor:
        """Memory for `split` of so many parts: (cells, width)."""
        return torch.empty((parts * self.heads * self._cells, width), dtype=self.kind)

    def views(self, cells: Tensor, parts: int) -> list[Tensor]:
        """`room` as `split` gives it."""
        each = parts * self.heads
        return [
            cells[each * group.first : each * (group.first + group.keep.size)].view(
                parts, group.rows * self.heads, group.longest, cells.shape[1]
            )
            for group in self.groups
        ]

    def merge(self, cells: Tensor, parts: int, kind: torch.dtype) -> Tensor:
        """From `room`, the inverse of `split`: (tokens, parts × emb_dim) of `kind`, zeros for tokens in no row."""
        columns = parts * self.heads * cells.shape[1]
        if self._even:
            (group,) = self.groups
            shape = (parts, group.rows, self.heads, group.longest, cells.shape[1])
            flat = cells.view(shape).permute(1, 3, 0, 2, 4).reshape(self._lying, columns)
        else:
            if parts not in self._to_tokens:
                self._to_tokens[parts] = torch.from_numpy(self._merge_index(parts))
            flat = cells.index_select(0, self._to_tokens[parts]).view(self._lying, columns)
        beside = self.tokens - self._lying
        return functional.pad(flat.to(kind), (0, 0, 0, beside)) if beside else flat.to(kind)

    @cached_property
    def _firsts(self) -> np.ndarray:
        """(rows,): the first token of each row."""
        firsts: np.ndarray = np.cumsum(self._lengths) - self._lengths
        return firsts

    def _split_index(self, parts: int) -> np.ndarray:
        """For each group, part, row, head and position, which of the tokens' parts and heads stands there."""
        heads = np.arange(0, parts * self.heads).reshape(parts, 1, self.heads, 1)
        found, row = [], 0
        for group in self.groups:
            firsts = self._firsts[row : row + group.rows, None, None]
            tokens = np.minimum(firsts + np.arange(group.longest), self.tokens - 1)  # (rows, 1, positions)
            found.append((tokens * (parts * self.heads) + heads).ravel())
            row += group.rows
        return np.concatenate(found)

    def _merge_index(self, parts: int) -> np.ndarray:
        """For each token, part and head, where it stands among groups, parts, rows, heads and positions."""
        found = []
        for group in self.groups:
            per_row, per_part = self.heads * group.longest, self.heads * group.keep.size
            places = per_row * np.arange(group.rows)[:, None] + np.arange(group.longest)
            first = parts * self.heads * group.first + per_part * np.arange(parts)[:, None]
            of_heads = first + group.longest * np.arange(self.heads)
            found.append((places[group.keep][:, None, None] + of_heads).ravel())
        return np.concatenate(found)
