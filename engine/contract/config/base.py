"""What every group of settings is, and how one is refused that does not go with another. Torch-free."""

from __future__ import annotations

from typing import NoReturn

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


class SettingsGroup(BaseModel):
    """A group of settings: strict about types, closed to unknown keys, never changed once made."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def refuse(key: str, sentence: str) -> NoReturn:
    """Raise a validation error that points at `key`, though found by looking at the whole."""
    raise PydanticCustomError("setting", sentence, {"key": key})
