"""Transformer blocks that work on tokens without padding; only attention sees padded rows."""

from __future__ import annotations

from dataclasses import dataclass

import fbgemm_gpu  # noqa: F401  (registers torch.ops.fbgemm)
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.contract.config.model import ModelConfig
from engine.model.dropout import Dropout


@dataclass(frozen=True)
class Ragged:
    """How tokens lie in rows. offsets: (rows + 1,) int64; longest: int; keep: (rows, longest) bool or None.

    keep is False where a row is padding, and None where no row has any.
    """

    offsets: Tensor
    longest: int
    keep: Tensor | None

    @classmethod
    def of(cls, lengths: Tensor) -> Ragged:
        """From the rows' lengths, (rows,) int64."""
        offsets = functional.pad(lengths.cumsum(0), (1, 0))
        shortest, longest = (int(length) for length in lengths.aminmax())
        positions = torch.arange(longest, device=lengths.device)
        return cls(offsets, longest, None if shortest == longest else positions < lengths[:, None])

    def of_chosen(self, positions: Tensor) -> Ragged:
        """How chosen tokens lie in the same rows. positions: (chosen,) int64 into the tokens, rising."""
        rows = torch.bucketize(positions, self.offsets[1:], right=True)
        return Ragged.of(torch.bincount(rows, minlength=len(self.offsets) - 1))

    def from_end(self, lengths: Tensor, tokens: int) -> Tensor:
        """How far each token is from the end of its row: (tokens,) int64, given the rows' lengths and their sum."""
        ends = self.offsets[1:].repeat_interleave(lengths, output_size=tokens)
        return ends - 1 - torch.arange(tokens, device=lengths.device)

    def pad(self, tokens: Tensor) -> Tensor:
        """(tokens, width) → (rows, longest, width), zeros as padding."""
        if self.keep is None:
            return tokens.view(len(self.offsets) - 1, self.longest, tokens.shape[1])
        return torch.ops.fbgemm.jagged_to_padded_dense(tokens, [self.offsets], [self.longest], 0.0)

    def unpad(self, rows: Tensor, tokens: int) -> Tensor:
        """(rows, longest, width) → (tokens, width)."""
        if self.keep is None:
            return rows.reshape(tokens, rows.shape[2])
        return torch.ops.fbgemm.dense_to_jagged(rows, [self.offsets], tokens)[0]


class SelfAttention(nn.Module):
    """Bidirectional multi-head attention (Vaswani et al. 2017) within each row."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.nhead
        self.qkv = nn.Linear(config.emb_dim, 3 * config.emb_dim)
        self.out = nn.Linear(config.emb_dim, config.emb_dim)
        self.dropout = Dropout(config.dropout)

    def forward(self, tokens: Tensor, ragged: Ragged, wanted: Tensor | None = None) -> Tensor:
        """(tokens, emb_dim) → the same, or that of the tokens `wanted`, (wanted,) int64 rising: (wanted, emb_dim)."""
        if wanted is None:
            asking = ragged
            query, key, value = self._heads(self.qkv(tokens), ragged, 3)
        else:
            asking, width = ragged.of_chosen(wanted), tokens.shape[1]
            weight, bias = self.qkv.weight, self.qkv.bias
            asked = functional.linear(tokens.index_select(0, wanted), weight[:width], bias[:width])
            (query,) = self._heads(asked, asking, 1)
            key, value = self._heads(functional.linear(tokens, weight[width:], bias[width:]), ragged, 2)
        mixed = self._mix(query, key, value, ragged.keep).transpose(1, 2).flatten(2)
        return self.out(asking.unpad(mixed, len(tokens) if wanted is None else len(wanted)))

    def _heads(self, tokens: Tensor, ragged: Ragged, parts: int) -> Tensor:
        """(tokens, parts × emb_dim) → (parts, rows, heads, positions, width of a head)."""
        padded = ragged.pad(tokens)
        rows, longest, width = padded.shape
        split = padded.view(rows, longest, parts, self.heads, width // parts // self.heads)
        return split.permute(2, 0, 3, 1, 4).contiguous()

    def _mix(self, query: Tensor, key: Tensor, value: Tensor, keep: Tensor | None) -> Tensor:
        """Each (rows, heads, positions, width of a head) → like the query. Keys are kept where `keep` says so."""
        rate = self.dropout.rate if self.dropout.active else 0.0
        mask = None if keep is None else keep[:, None, None, :]
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=rate)


class Block(nn.Module):
    """Attention and a GELU feed-forward of four times the width, each with dropout, residual and layer norm.

    norm "post" is the paper's order (norm after the residual), "pre" the steadier one for deep models.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.pre = config.norm == "pre"
        self.attention = SelfAttention(config)
        self.attention_norm = nn.LayerNorm(config.emb_dim)
        self.widen = nn.Linear(config.emb_dim, 4 * config.emb_dim)
        self.narrow = nn.Linear(4 * config.emb_dim, config.emb_dim)
        self.feed_norm = nn.LayerNorm(config.emb_dim)
        self.dropout = Dropout(config.dropout)

    def forward(self, tokens: Tensor, ragged: Ragged, wanted: Tensor | None = None) -> Tensor:
        """(tokens, emb_dim) → the same, or only the tokens `wanted` of it, which saves the others' work.

        wanted: (wanted,) int64 into tokens, rising. Returns (wanted, emb_dim).
        """
        attended = self.attention(self.attention_norm(tokens) if self.pre else tokens, ragged, wanted)
        if wanted is not None:
            tokens = tokens.index_select(0, wanted)
        tokens = tokens + self.dropout(attended)
        if self.pre:
            return tokens + self.dropout(self._feed(self.feed_norm(tokens)))
        tokens = self.attention_norm(tokens)
        return self.feed_norm(tokens + self.dropout(self._feed(tokens)))

    def _feed(self, tokens: Tensor) -> Tensor:
        return self.narrow(functional.gelu(self.widen(tokens)))
