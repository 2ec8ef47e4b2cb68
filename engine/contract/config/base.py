"""The base of all groups of settings."""

from __future__ import annotations

from typing import NoReturn

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


class SettingsGroup(BaseModel):
    """A group of settings: strictly typed, without unknown keys, and immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def refuse(sentence: str, key: str | None = None) -> NoReturn:
    """Raise a validation error. key: the setting at fault, if it is not the one being validated."""
    # an argument, not the template itself: a sentence that quotes input may contain braces
    raise PydanticCustomError(
        "setting", "{sentence}", {"sentence": sentence, **({"key": key} if key else {})}
    )
