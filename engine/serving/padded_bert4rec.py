"""BERT4Rec once more, in plain torch on padded rows: to answer quickly and to be taken elsewhere, never to train.

It has the weights of `engine.model.bert4rec.BERT4Rec` by the same names, and needs neither TorchRec nor FBGEMM.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.contract.config.model import ModelConfig

PADDING = -1


class PlainBERT4Rec(nn.Module):
    """Scores all items as the next interaction after each history.

    A history has at most max_len - 1 items, the latest last, and rows are filled up with -1 at their beginning. The
    mask token, which stands where the next interaction will, is put behind it here.
    """

    def __init__(self, num_items: int, config: ModelConfig) -> None:
        super().__init__()
        width = config.emb_dim
        self.num_items = num_items
        self.items = _Items(num_items + 1, width)
        self.positions = _table(config.max_len, width)
        self.input_norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.num_layers))
        self.last_norm = nn.LayerNorm(width) if config.norm == "pre" else nn.Identity()
        self.head = nn.Linear(width, width)
        self.head_norm = nn.LayerNorm(width)
        self.output = None if config.tie_output else nn.Parameter(torch.empty(num_items, width))
        self.output_bias = nn.Parameter(torch.empty(num_items))

    def forward(self, histories: Tensor) -> Tensor:
        """Scores (logits), (batch, num_items), after histories (batch, length) int64."""
        return functional.linear(self.hidden(histories), self.item_weights, self.output_bias)

    def hidden(self, histories: Tensor) -> Tensor:
        """What the output layer turns into scores: (batch, emb_dim)."""
        items = functional.pad(histories, (0, 1), value=self.num_items)
        from_end = torch.arange(items.shape[1], device=items.device).flip(0)
        vectors = functional.embedding(items.clamp(min=0), self.items.weight)
        tokens = self.input_norm(vectors + self.positions(from_end))
        keep = (items != PADDING)[:, None, None, :]
        *first, last = self.blocks
        for block in first:
            tokens = block(tokens, tokens, keep)
        end = self.last_norm(last(tokens[:, -1:], tokens, keep))[:, 0]
        return self.head_norm(functional.gelu(self.head(end)))

    @property
    def item_weights(self) -> Tensor:
        """The output layer's weights: (num_items, emb_dim)."""
        if self.output is not None:
            return self.output
        return self.items.weight[: self.num_items]


def _table(rows: int, width: int) -> nn.Embedding:
    """A table whose weights are to be loaded; drawing them first would take longer than an answer."""
    return nn.Embedding.from_pretrained(torch.empty(rows, width))


class _Items(nn.Module):
    """The item table, by the name that an EmbeddingCollection gives it."""

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.embeddings = nn.ModuleDict({"item": _table(rows, width)})

    @property
    def weight(self) -> Tensor:
        """The rows: (rows, width)."""
        return cast(nn.Embedding, self.embeddings["item"]).weight


class _Attention(nn.Module):
    """Multi-head attention (Vaswani et al. 2017) of some tokens of a row to all of it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.nhead
        self.qkv = nn.Linear(config.emb_dim, 3 * config.emb_dim)
        self.out = nn.Linear(config.emb_dim, config.emb_dim)

    def forward(self, asking: Tensor, tokens: Tensor, keep: Tensor) -> Tensor:
        """(batch, asking, emb_dim), (batch, length, emb_dim) → as `asking`; keep: (batch, 1, 1, length) bool."""
        width = tokens.shape[2]
        weight, bias = self.qkv.weight, self.qkv.bias
        query = self._heads(functional.linear(asking, weight[:width], bias[:width]))
        key, value = map(
            self._heads, functional.linear(tokens, weight[width:], bias[width:]).split(width, dim=2)
        )
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(2, 3)
        shares = scores.masked_fill(~keep, -torch.inf).softmax(-1)
        return self.out((shares @ value).transpose(1, 2).flatten(2))

    def _heads(self, tokens: Tensor) -> Tensor:
        """(batch, length, emb_dim) → (batch, heads, length, width of a head)."""
        return tokens.unflatten(2, (self.heads, tokens.shape[2] // self.heads)).transpose(1, 2)


class _Block(nn.Module):
    """As `engine.model.blocks.Block` without dropout, for the tokens that ask."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.pre = config.norm == "pre"
        self.attention = _Attention(config)
        self.attention_norm = nn.LayerNorm(config.emb_dim)
        self.widen = nn.Linear(config.emb_dim, 4 * config.emb_dim)
        self.narrow = nn.Linear(4 * config.emb_dim, config.emb_dim)
        self.feed_norm = nn.LayerNorm(config.emb_dim)

    def forward(self, asking: Tensor, tokens: Tensor, keep: Tensor) -> Tensor:
        """(batch, asking, emb_dim), some or all of the tokens (batch, length, emb_dim) → as `asking`."""
        if self.pre:
            norm = self.attention_norm
            asking = asking + self.attention(norm(asking), norm(tokens), keep)
            return asking + self._feed(self.feed_norm(asking))
        asking = self.attention_norm(asking + self.attention(asking, tokens, keep))
        return self.feed_norm(asking + self._feed(asking))

    def _feed(self, tokens: Tensor) -> Tensor:
        return self.narrow(functional.gelu(self.widen(tokens)))
