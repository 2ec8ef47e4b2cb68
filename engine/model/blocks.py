"""Transformer blocks that work on tokens without padding; only attention sees padded rows."""

from __future__ import annotations

from dataclasses import dataclass

import fbgemm_gpu  # noqa: F401  (registers torch.ops.fbgemm)
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.config import ModelConfig


@dataclass(frozen=True)
class Ragged:
    """How tokens lie in rows. offsets: (rows + 1,) int64; longest: int; keep: (rows, 1, 1, longest) bool or None.

    keep is False where a row is padding, and None where no row has any.
    """

    offsets: Tensor
    longest: int
    keep: Tensor | None

    @classmethod
    def of(cls, lengths: Tensor) -> Ragged:
        """From the rows' lengths, (rows,) int64."""
        offsets = functional.pad(lengths.cumsum(0), (1, 0))
        longest = int(lengths.max())
        positions = torch.arange(longest, device=lengths.device)
        keep = positions < lengths[:, None]
        even = int(lengths.min()) == longest
        return cls(offsets, longest, None if even else keep[:, None, None, :])

    def pad(self, tokens: Tensor) -> Tensor:
        """(tokens, width) → (rows, longest, width), zeros as padding."""
        return torch.ops.fbgemm.jagged_to_padded_dense(tokens, [self.offsets], [self.longest], 0.0)

    def unpad(self, rows: Tensor, tokens: int) -> Tensor:
        """(rows, longest, width) → (tokens, width)."""
        return torch.ops.fbgemm.dense_to_jagged(rows, [self.offsets], tokens)[0]


class SelfAttention(nn.Module):
    """Bidirectional multi-head attention (Vaswani et al. 2017) within each row."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads, self.dropout = config.nhead, config.dropout
        self.qkv = nn.Linear(config.emb_dim, 3 * config.emb_dim)
        self.out = nn.Linear(config.emb_dim, config.emb_dim)

    def forward(self, tokens: Tensor, ragged: Ragged) -> Tensor:
        """(tokens, emb_dim) → (tokens, emb_dim)."""
        padded = ragged.pad(self.qkv(tokens))
        rows, longest, _ = padded.shape
        query, key, value = padded.view(rows, longest, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = self._attend(query, key, value, ragged).reshape(rows, longest, -1)
        return self.out(ragged.unpad(mixed, len(tokens)))

    def once(self, tokens: Tensor, ragged: Ragged, asking: Tensor) -> Tensor:
        """Attention of one token a row, (rows,) int64 in the rows' order: (tokens, emb_dim) → (rows, emb_dim)."""
        width = tokens.shape[1]
        weight, bias = self.qkv.weight, self.qkv.bias
        query = functional.linear(tokens.index_select(0, asking), weight[:width], bias[:width])
        padded = ragged.pad(functional.linear(tokens, weight[width:], bias[width:]))
        rows, longest, _ = padded.shape
        key, value = padded.view(rows, longest, 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        query = query.view(rows, 1, self.heads, -1).transpose(1, 2)
        return self.out(self._attend(query, key, value, ragged).reshape(rows, width))

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, ragged: Ragged) -> Tensor:
        """Each (rows, heads, positions, width of a head) → (rows, positions of query, heads, width of a head)."""
        mixed = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=ragged.keep, dropout_p=self.dropout if self.training else 0.0
        )
        return mixed.transpose(1, 2)


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
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, tokens: Tensor, ragged: Ragged, wanted: Tensor | None = None, once: bool = False
    ) -> Tensor:
        """(tokens, emb_dim) → the same, or only the tokens `wanted` of it: (wanted, emb_dim).

        once: exactly one token of each row is wanted, in the rows' order, which saves the others' attention.
        """
        asked = self.attention_norm(tokens) if self.pre else tokens
        if wanted is None:
            attended = self.attention(asked, ragged)
        elif once:
            tokens, attended = tokens.index_select(0, wanted), self.attention.once(asked, ragged, wanted)
        else:
            attended = self.attention(asked, ragged).index_select(0, wanted)
            tokens = tokens.index_select(0, wanted)
        tokens = tokens + self.dropout(attended)
        if self.pre:
            return tokens + self.dropout(self._feed(self.feed_norm(tokens)))
        tokens = self.attention_norm(tokens)
        return self.feed_norm(tokens + self.dropout(self._feed(tokens)))

    def _feed(self, tokens: Tensor) -> Tensor:
        return self.narrow(functional.gelu(self.widen(tokens)))
