"""BERT4Rec (Sun et al., CIKM 2019, arXiv 1904.06690): the reference model, from embeddings to scores.

Its item table is a TorchRec EmbeddingCollection, so that it can be sharded. Everything else works on tokens without
padding; only attention sees padded rows.
"""

from __future__ import annotations

from functools import cached_property
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchrec import EmbeddingCollection, EmbeddingConfig, KeyedJaggedTensor

from engine.contract.config.model import ModelConfig
from engine.model.init_weights import initialise_dense
from engine.model.output_shard import PartOfOutput
from engine.model.ragged import Ragged

FEATURE = "item"
ITEM_TABLE = "items.embeddings.item.weight"  # the item table's name in every state_dict
OUTPUT = (
    "output",
    "output_bias",
)  # parameters of the output layer; in dmp each rank has its own rows of them


class SelfAttention(nn.Module):
    """Bidirectional multi-head attention (Vaswani et al. 2017) within each row."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.nhead
        self.qkv = nn.Linear(config.emb_dim, 3 * config.emb_dim)
        self.out = nn.Linear(config.emb_dim, config.emb_dim)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x_TD: Tensor, ragged: Ragged, queries_N: Tensor | None = None) -> Tensor:
        """Return what each token attends to: (T, D) → (T, D), or (N, D) where only the tokens `queries_N` ask.

        queries_N: int64 into the tokens, rising.
        """
        if queries_N is None:
            query_layout = ragged
            query, key, value = self._split_heads(self.qkv(x_TD), ragged, 3)
        else:
            query_layout, width = ragged.of_chosen(queries_N), x_TD.shape[1]
            weight, bias = self.qkv.weight, self.qkv.bias
            query_ND = functional.linear(x_TD.index_select(0, queries_N), weight[:width], bias[:width])
            (query,) = self._split_heads(query_ND, query_layout, 1)
            key, value = self._split_heads(functional.linear(x_TD, weight[width:], bias[width:]), ragged, 2)
        mixed_RQD = self._attend(query, key, value, ragged.mask).transpose(1, 2).flatten(2)
        return self.out(query_layout.unpad(mixed_RQD, len(x_TD) if queries_N is None else len(queries_N)))

    def _split_heads(self, tokens: Tensor, ragged: Ragged, parts: int) -> Tensor:
        """Return (T, parts × D) as padded rows of each part and head: (parts, R, H, L, W)."""
        padded = ragged.pad(tokens)
        rows, longest, width = padded.shape
        split = padded.view(rows, longest, parts, self.heads, width // parts // self.heads)
        return split.permute(2, 0, 3, 1, 4).contiguous()

    def _attend(
        self, query_RHQW: Tensor, key_RHKW: Tensor, value_RHKW: Tensor, mask_RK: Tensor | None
    ) -> Tensor:
        rate = self.dropout.p if self.training else 0.0
        mask = None if mask_RK is None else mask_RK[:, None, None, :]
        return functional.scaled_dot_product_attention(
            query_RHQW, key_RHKW, value_RHKW, attn_mask=mask, dropout_p=rate
        )


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

    def forward(self, x_TD: Tensor, ragged: Ragged, queries_N: Tensor | None = None) -> Tensor:
        """Return the block's output, (T, D) → (T, D), or only that of the tokens `queries_N`, (N, D).

        The last block is asked for the targets only, which saves the other tokens' work. queries_N: as in
        `SelfAttention`.
        """
        attended = self.attention(self.attention_norm(x_TD) if self.pre else x_TD, ragged, queries_N)
        if queries_N is not None:
            x_TD = x_TD.index_select(0, queries_N)
        x_TD = x_TD + self.dropout(attended)
        if self.pre:
            return x_TD + self.dropout(self._feed_forward(self.feed_norm(x_TD)))
        x_TD = self.attention_norm(x_TD)
        return self.feed_norm(x_TD + self.dropout(self._feed_forward(x_TD)))

    def _feed_forward(self, x_TD: Tensor) -> Tensor:
        return self.narrow(functional.gelu(self.widen(x_TD)))


class BERT4Rec(nn.Module):
    """Scores all items at chosen positions of the input sequences.

    Items are 0 … num_items - 1; the mask token is num_items, so the table has num_items + 1 rows. There is no
    padding token. Positions count from the end of a sequence, so a score does not depend on what else is in
    the batch. The item table may be created on the meta device, for TorchRec to shard and materialise. The output
    layer may have some rows only, `output_rows`; then `part` has to be set, which reaches the others.
    """

    def __init__(
        self,
        num_items: int,
        config: ModelConfig,
        seed: int,
        table_device: str = "cpu",
        output_rows: range | None = None,
    ) -> None:
        super().__init__()
        self.num_items, self.part = num_items, cast("PartOfOutput | None", None)
        rows = range(num_items) if output_rows is None else output_rows
        table = EmbeddingConfig(
            name="item", embedding_dim=config.emb_dim, num_embeddings=num_items + 1, feature_names=[FEATURE]
        )
        self.items = EmbeddingCollection(tables=[table], device=torch.device(table_device))
        self.positions = nn.Embedding(config.max_len, config.emb_dim)
        self.input_norm = nn.LayerNorm(config.emb_dim)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.last_norm = nn.LayerNorm(config.emb_dim) if config.norm == "pre" else nn.Identity()
        self.head = nn.Linear(config.emb_dim, config.emb_dim)
        self.head_norm = nn.LayerNorm(config.emb_dim)
        self.output = None if config.tie_output else nn.Parameter(torch.empty(len(rows), config.emb_dim))
        self.output_bias = nn.Parameter(torch.zeros(len(rows)))
        initialise_dense(self, seed, {"output": rows.start}, by_width=config.init == "xavier")

    def forward(self, items: Tensor, lengths: Tensor, positions: Tensor) -> Tensor:
        """Return the scores (logits) of all items at `positions`: (N, V). Arguments as in `encode`."""
        return functional.linear(self.encode(items, lengths, positions), self.item_weights, self.output_bias)

    def encode(self, items: Tensor, lengths: Tensor, positions: Tensor) -> Tensor:
        """Return the hidden vectors at `positions`, which the output layer turns into scores: (N, D).

        items: (T,) int64, sequences one after another; lengths: (R,) int64, each 1 … max_len; positions: (N,) int64
        into items, rising.
        """
        return self.transform(self.embed(items, lengths), lengths, positions)

    def encode_last(self, items: Tensor, lengths: Tensor) -> Tensor:
        """Return the hidden vector at the last position of each sequence: (R, D). Arguments as in `encode`."""
        return self.encode(items, lengths, lengths.cumsum(0) - 1)

    def embed(self, items: Tensor, lengths: Tensor) -> Tensor:
        """Return the items' rows of the item table: (T, D). A collective where the table is sharded."""
        return self._look_up(items, lengths)

    def transform(self, embedded_TD: Tensor, lengths: Tensor, positions: Tensor) -> Tensor:
        """Return the hidden vectors at `positions`, (N, D), of embedded items; otherwise as `encode`."""
        ragged = Ragged.of(lengths)
        x_TD = embedded_TD + self.positions(ragged.from_end(lengths, len(embedded_TD)))
        x_TD = self.dropout(self.input_norm(x_TD))
        *first, last = self.blocks
        for block in first:
            x_TD = block(x_TD, ragged)
        x_ND = self.last_norm(last(x_TD, ragged, positions))
        return self.head_norm(functional.gelu(self.head(x_ND)))

    @cached_property
    def transform_parameters(self) -> list[nn.Parameter]:
        """The parameters that `transform` uses: all but the item table and the output layer."""
        return [p for name, p in self.named_parameters() if name not in (ITEM_TABLE, *OUTPUT)]

    @property
    def table(self) -> nn.Parameter:
        """The item table's weights where it is not sharded, (V + 1, D)."""
        return cast("nn.Parameter", self.items.embeddings["item"].weight)

    @property
    def item_weights(self) -> Tensor:
        """The output layer's weights on this rank, (V, D) where it holds them all."""
        if self.output is not None:
            return self.output
        return self.table[: self.num_items]

    def item_rows(self, items: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output layer's weights and biases of chosen items, (n,) int64: (n, D) and (n,).

        A collective where the output layer is sharded. A tied, sharded table is looked up a second time, so that its
        optimiser, which works inside the backward pass, sees these rows too.
        """
        if self.part is not None:
            weights = self._look_up(items) if self.output is None else self.part.look_up(items, self.output)
            return weights, self.part.look_up(items, self.output_bias[:, None])[:, 0]
        return functional.embedding(items, self.item_weights), self.output_bias[items]

    def _look_up(self, items: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return rows of the item table, (n, D), for items (n,) int64: one sequence, or several of these lengths."""
        if isinstance(
            self.items, EmbeddingCollection
        ):  # not sharded: the same rows without TorchRec's bookkeeping
            return functional.embedding(items, self.table)
        lengths = torch.tensor([len(items)], device=items.device) if lengths is None else lengths
        sequences = KeyedJaggedTensor(keys=[FEATURE], values=items, lengths=lengths)
        return self.items(sequences)[FEATURE].values()
