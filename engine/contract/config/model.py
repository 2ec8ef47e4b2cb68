"""Settings of the model: the size and shape of BERT4Rec."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from engine.contract.config.base import SettingsGroup, refuse


class ModelConfig(SettingsGroup):
    """The size and shape of BERT4Rec."""

    max_len: int = Field(
        100, ge=2, le=10_000, description="Maximum length of an input sequence, including the mask"
    )
    emb_dim: int = Field(256, ge=4, le=8192, multiple_of=4, description="Width of embeddings and layers")
    nhead: int = Field(2, ge=1, description="Attention heads; must divide emb_dim")
    num_layers: int = Field(2, ge=1, le=64, description="Transformer blocks")
    dropout: float = Field(0.1, ge=0.0, lt=1.0, description="Dropout rate in embeddings and blocks")
    norm: Literal["pre", "post"] = Field("post", description="Layer norm before or after each sublayer")
    init: Literal["bert", "xavier"] = Field(
        "bert",
        description="Initial weights: bert draws all with standard deviation 0.02, as in the paper; xavier scales "
        "linear layers by their widths, which learns faster with a small emb_dim",
    )
    tie_output: bool = Field(
        False, description="Share the item table between input and output (dmp: sampled losses only)"
    )

    @field_validator("nhead")
    @classmethod
    def _divides_emb_dim(cls, nhead: int, info: Any) -> int:
        emb_dim = info.data.get("emb_dim")
        if emb_dim is not None and emb_dim % nhead:
            refuse(f"emb_dim ({emb_dim}) must be divisible by nhead ({nhead})")
        return nhead
