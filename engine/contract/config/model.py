"""Settings of the model: size and shape of BERT4Rec."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from engine.contract.config.base import SettingsGroup


class ModelConfig(SettingsGroup):
    """The size and shape of BERT4Rec."""

    max_len: int = Field(
        100, ge=2, le=10_000, description="Positions of an input sequence, the mask included"
    )
    emb_dim: int = Field(256, ge=4, le=8192, multiple_of=4, description="Width of embeddings and layers")
    nhead: int = Field(2, ge=1, description="Attention heads; must divide emb_dim")
    num_layers: int = Field(2, ge=1, le=64, description="Transformer blocks")
    dropout: float = Field(0.1, ge=0.0, lt=1.0, description="Dropout rate in embeddings and blocks")
    norm: Literal["pre", "post"] = Field("post", description="Layer norm before or after each half block")
    init: Literal["bert", "xavier"] = Field(
        "bert",
        description="Weights at birth: bert draws all with deviation 0.02 as the paper does, xavier those of linear "
        "layers by their widths, which learns faster with a small emb_dim",
    )
    tie_output: bool = Field(
        False, description="Score items with the input item table (dmp: with sampled losses only)"
    )

    @field_validator("nhead")
    @classmethod
    def _divides_emb_dim(cls, nhead: int, info: Any) -> int:
        emb_dim = info.data.get("emb_dim")
        if emb_dim is not None and emb_dim % nhead:
            raise PydanticCustomError(
                "setting", f"{nhead} heads do not divide emb_dim = {emb_dim}; choose a divisor of it"
            )
        return nhead
