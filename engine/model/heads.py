"""Tokens as attention's heads see them: in rows, each head by itself. One pass over memory either way."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional

from engine.model.blocks import Ragged


class Heads:
    """Between tokens one after another and rows of them by heads.

    rows: how the first of the tokens lie in rows; tokens: how many there are, those in no row included.
    """

    def __init__(self, rows: Ragged, heads: int, tokens: int) -> None:
        self.rows, self.tokens, self.batch = rows, tokens, (len(rows.offsets) - 1) * heads
        self._heads, self._from_tokens, self._to_tokens = heads, dict[int, Tensor](), dict[int, Tensor]()

    def split(self, tokens: Tensor, parts: int) -> Tensor:
        """(tokens, parts × emb_dim) → (parts, batch, longest, width of a head), anything finite as padding."""
        width, longest = tokens.shape[1] // parts // self._heads, self.rows.longest
        if self.rows.keep is None:
            shape = (self.batch // self._heads, longest, parts, self._heads, width)
            lying = tokens[: self._lying].view(shape).permute(2, 0, 3, 1, 4)
            return lying.reshape(parts, self.batch, longest, width)
        if parts not in self._from_tokens:
            self._from_tokens[parts] = self._split_index(parts)
        found = tokens.view(-1, width).index_select(0, self._from_tokens[parts])
        return found.view(parts, self.batch, longest, width)

    def split_clean(self, tokens: Tensor) -> Tensor:
        """`split` of one part, with zeros as padding: (batch, longest, width of a head)."""
        found = self.split(tokens, 1)[0]
        return found if self.rows.keep is None else found.mul_(self._kept.to(found.dtype))

    def merge(self, split: Tensor) -> Tensor:
        """The inverse of `split`: (tokens, parts × emb_dim), zeros for tokens in no row."""
        parts, batch, longest, width = split.shape
        if self.rows.keep is None:
            lying = split.view(parts, batch // self._heads, self._heads, longest, width).permute(1, 3, 0, 2, 4)
            flat = lying.reshape(self._lying, parts * self._heads * width)
        else:
            if parts not in self._to_tokens:
                self._to_tokens[parts] = self._merge_index(parts)
            flat = split.view(-1, width).index_select(0, self._to_tokens[parts])
            flat = flat.view(self._lying, parts * self._heads * width)
        return flat if self._lying == self.tokens else functional.pad(flat, (0, 0, 0, self.tokens - self._lying))

    @cached_property
    def _lying(self) -> int:
        """Tokens that lie in rows."""
        return int(self.rows.offsets[-1])

    @cached_property
    def _kept(self) -> Tensor:
        """(batch, longest, 1) bool: whether it is no padding."""
        assert self.rows.keep is not None
        return self.rows.keep.repeat_interleave(self._heads, 0)[:, :, None]

    def _split_index(self, parts: int) -> Tensor:
        """For each part, row, head and position, which of the tokens' parts and heads stands there."""
        positions = torch.arange(self.rows.longest)
        tokens = (self.rows.offsets[:-1, None, None] + positions).clamp_(max=self.tokens - 1)  # (rows, 1, longest)
        first = torch.arange(0, parts * self._heads, self._heads)[:, None, None, None]
        heads = torch.arange(self._heads)[:, None] + first  # (parts, 1, heads, 1)
        return (tokens * (parts * self._heads) + heads).flatten()

    def _merge_index(self, parts: int) -> Tensor:
        """For each token, part and head, where it stands among parts, rows, heads and positions."""
        assert self.rows.keep is not None
        heads, longest = self._heads, self.rows.longest
        rows = torch.arange(0, self.batch * longest, heads * longest)[:, None]
        places = (rows + torch.arange(longest)).masked_select(self.rows.keep)  # of each token's first part and head
        first = torch.arange(0, parts * self.batch * longest, self.batch * longest)[:, None]
        return (places[:, None, None] + (first + torch.arange(0, heads * longest, longest))).flatten()
