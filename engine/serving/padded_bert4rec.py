"""BERT4Rec in plain torch on padded rows, for inference and export: needs neither TorchRec nor FBGEMM.

It has the weights of `engine.model.bert4rec.BERT4Rec` by the same names. A second definition, since the reference
model is built on these two, and since ONNX wants attention spelled out. Tensors are named by the letters of
`engine.model`.
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

    A history has at most max_len - 1 items, the latest last; rows are padded with -1 at their beginning. The mask
    token, in the place of the next interaction, is appended here.
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
        """Return scores (logits), (R, V), after histories (R, L - 1) int64."""
        return functional.linear(self.hidden(histories), self.item_weights, self.output_bias)

    def hidden(self, histories: Tensor) -> Tensor:
        """Return the hidden vectors that the output layer turns into scores: (R, D)."""
        items = functional.pad(histories, (0, 1), value=self.num_items)
        from_end = torch.arange(items.shape[1], device=items.device).flip(0)
        vectors = functional.embedding(items.clamp(min=0), self.items.weight)
        x_RLD = self.input_norm(vectors + self.positions(from_end))
        mask = (items != PADDING)[:, None, None, :]
        *first, last = self.blocks
        for block in first:
            x_RLD = block(x_RLD, x_RLD, mask)
        x_RD = self.last_norm(last(x_RLD[:, -1:], x_RLD, mask))[:, 0]
        return self.head_norm(functional.gelu(self.head(x_RD)))

    @property
    def item_weights(self) -> Tensor:
        """The output layer's weights: (V, D)."""
        if self.output is not None:
            return self.output
        return self.items.weight[: self.num_items]


def _table(rows: int, width: int) -> nn.Embedding:
    """Return a table whose weights will be loaded; drawing them first would take longer than an answer."""
    return nn.Embedding.from_pretrained(torch.empty(rows, width))


class _Items(nn.Module):
    """The item table, under the name that an EmbeddingCollection gives it."""

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.embeddings = nn.ModuleDict({"item": _table(rows, width)})

    @property
    def weight(self) -> Tensor:
        """The table's weights: (V + 1, D)."""
        return cast(nn.Embedding, self.embeddings["item"]).weight


class _Attention(nn.Module):
    """Multi-head attention (Vaswani et al. 2017) of some tokens of a row to all of them."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.nhead
        self.qkv = nn.Linear(config.emb_dim, 3 * config.emb_dim)
        self.out = nn.Linear(config.emb_dim, config.emb_dim)

    def forward(self, query_RQD: Tensor, x_RLD: Tensor, mask: Tensor) -> Tensor:
        """Return what each query attends to, (R, Q, D). mask: (R, 1, 1, L) bool, False for padding."""
        width = x_RLD.shape[2]
        weight, bias = self.qkv.weight, self.qkv.bias
        query = self._split_heads(functional.linear(query_RQD, weight[:width], bias[:width]))
        key, value = map(
            self._split_heads, functional.linear(x_RLD, weight[width:], bias[width:]).split(width, dim=2)
        )
        scores_RHQK = (query * query.shape[-1] ** -0.5) @ key.transpose(2, 3)
        weights_RHQK = scores_RHQK.masked_fill(~mask, -torch.inf).softmax(-1)
        return self.out((weights_RHQK @ value).transpose(1, 2).flatten(2))

    def _split_heads(self, x_RLD: Tensor) -> Tensor:
        """(R, L, D) → (R, H, L, W)."""
        return x_RLD.unflatten(2, (self.heads, x_RLD.shape[2] // self.heads)).transpose(1, 2)


class _Block(nn.Module):
    """`engine.model.bert4rec.Block` without dropout, for the queries."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.pre = config.norm == "pre"
        self.attention = _Attention(config)
        self.attention_norm = nn.LayerNorm(config.emb_dim)
        self.widen = nn.Linear(config.emb_dim, 4 * config.emb_dim)
        self.narrow = nn.Linear(4 * config.emb_dim, config.emb_dim)
        self.feed_norm = nn.LayerNorm(config.emb_dim)

    def forward(self, query_RQD: Tensor, x_RLD: Tensor, mask: Tensor) -> Tensor:
        """Return the block's output at the queries, some or all of the tokens: (R, Q, D)."""
        if self.pre:
            norm = self.attention_norm
            query_RQD = query_RQD + self.attention(norm(query_RQD), norm(x_RLD), mask)
            return query_RQD + self._feed_forward(self.feed_norm(query_RQD))
        query_RQD = self.attention_norm(query_RQD + self.attention(query_RQD, x_RLD, mask))
        return self.feed_norm(query_RQD + self._feed_forward(query_RQD))

    def _feed_forward(self, x: Tensor) -> Tensor:
        return self.narrow(functional.gelu(self.widen(x)))
