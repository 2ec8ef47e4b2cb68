"""BERT4Rec (Sun et al., CIKM 2019, arXiv 1904.06690) with its item table in a TorchRec EmbeddingCollection."""

from __future__ import annotations

from functools import cached_property
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchrec import EmbeddingCollection, EmbeddingConfig, KeyedJaggedTensor

from engine.contract.config.model import ModelConfig
from engine.model.blocks import Block, Ragged
from engine.model.dropout import Dropout
from engine.model.init_weights import initialise_dense
from engine.model.output_shard import PartOfOutput

FEATURE = "item"
ITEM_TABLE = "items.embeddings.item.weight"  # the item table's name in every state_dict
OUTPUT = ("output", "output_bias")  # those of the output layer; each rank of dmp has its own rows of them


class BERT4Rec(nn.Module):
    """Scores all items at chosen positions of the input sequences.

    Items are 0 … num_items - 1; the mask token is num_items, so the table has num_items + 1 rows. There is no
    padding token. Positions count from the end of a sequence, so a score does not depend on what else is in
    the batch. The item table may be given to TorchRec unmade, on the meta device, to be sharded. The output layer may
    have some rows only, `output_rows`; then `part` is to be set, which knows how to get at the others.
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
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.last_norm = nn.LayerNorm(config.emb_dim) if config.norm == "pre" else nn.Identity()
        self.head = nn.Linear(config.emb_dim, config.emb_dim)
        self.head_norm = nn.LayerNorm(config.emb_dim)
        self.output = None if config.tie_output else nn.Parameter(torch.empty(len(rows), config.emb_dim))
        self.output_bias = nn.Parameter(torch.zeros(len(rows)))
        initialise_dense(self, seed, {"output": rows.start}, by_width=config.init == "xavier")

    def forward(self, items: Tensor, lengths: Tensor, positions: Tensor) -> Tensor:
        """Scores (logits) of all items at `positions`: (predictions, num_items). Arguments as in `encode`."""
        return functional.linear(self.encode(items, lengths, positions), self.item_weights, self.output_bias)

    def encode(self, items: Tensor, lengths: Tensor, positions: Tensor) -> Tensor:
        """Hidden vectors at `positions`, which the output layer turns into scores: (predictions, emb_dim).

        items: (tokens,) int64, sequences one after another; lengths: (sequences,) int64, each 1 … max_len;
        positions: (predictions,) int64 into items, rising.
        """
        return self.transform(self.embed(items, lengths), lengths, positions)

    def encode_last(self, items: Tensor, lengths: Tensor) -> Tensor:
        """The hidden vector at the last position of each sequence: (sequences, emb_dim). Arguments as in `encode`."""
        return self.encode(items, lengths, lengths.cumsum(0) - 1)

    def embed(self, items: Tensor, lengths: Tensor) -> Tensor:
        """The items' rows of the item table: (tokens, emb_dim). A collective where the table is sharded."""
        return self._look_up(items, lengths)

    def transform(self, vectors: Tensor, lengths: Tensor, positions: Tensor) -> Tensor:
        """Hidden vectors at `positions` from the items' vectors (tokens, emb_dim); otherwise as `encode`."""
        ragged = Ragged.of(lengths)
        tokens = vectors + self.positions(ragged.from_end(lengths, len(vectors)))
        tokens = self.dropout(self.input_norm(tokens))
        *first, last = self.blocks
        for block in first:
            tokens = block(tokens, ragged)
        wanted = self.last_norm(last(tokens, ragged, wanted=positions))
        return self.head_norm(functional.gelu(self.head(wanted)))

    @cached_property
    def inside(self) -> list[nn.Parameter]:
        """What lies between the item table and the output layer: the parameters of `transform`."""
        return [p for name, p in self.named_parameters() if name not in (ITEM_TABLE, *OUTPUT)]

    @property
    def table(self) -> nn.Parameter:
        """The item table's weights where it is whole, (num_items + 1, emb_dim)."""
        return cast("nn.Parameter", self.items.embeddings["item"].weight)

    @property
    def item_weights(self) -> Tensor:
        """The output layer's weights on this rank, (num_items, emb_dim) where it holds them all."""
        if self.output is not None:
            return self.output
        return self.table[: self.num_items]

    def item_rows(self, items: Tensor) -> tuple[Tensor, Tensor]:
        """The output layer's weights and biases of chosen items, (n,) int64: (n, emb_dim) and (n,).

        A collective where the output layer is sharded. A tied, sharded table is looked up a second time, so that its
        optimiser, which works inside the backward pass, sees these rows too.
        """
        if self.part is not None:
            weights = self._look_up(items) if self.output is None else self.part.look_up(items, self.output)
            return weights, self.part.look_up(items, self.output_bias[:, None])[:, 0]
        return functional.embedding(items, self.item_weights), self.output_bias[items]

    def _look_up(self, items: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Rows of the item table: (n,) int64, in sequences of these lengths or in one, → (n, emb_dim)."""
        if isinstance(self.items, EmbeddingCollection):  # whole: the same rows without TorchRec's bookkeeping
            return functional.embedding(items, self.table)
        lengths = torch.tensor([len(items)], device=items.device) if lengths is None else lengths
        sequences = KeyedJaggedTensor(keys=[FEATURE], values=items, lengths=lengths)
        return self.items(sequences)[FEATURE].values()
