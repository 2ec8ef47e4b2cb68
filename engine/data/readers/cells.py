"""Rules for the fields of an interaction, shared by fast parsing and by error messages."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd

LONGEST_ID = 200  # characters; ids are stored in arrays as wide as the longest
MISSING = frozenset({"nan", "NaN", "NULL", "null", "None", "<NA>"})
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
_CANONICAL = re.compile(r"0|[1-9][0-9]{0,17}")  # integers that int64 represents without loss
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SHOWN = 60  # characters of bad input that a sentence quotes


def id_fault(text: str) -> str | None:
    """Return why a text is not a valid id, or None."""
    if not text:
        return "empty"
    if text in MISSING:
        return "a missing value, not an id"
    if len(text) > LONGEST_ID:
        return f"longer than the {LONGEST_ID} characters an id may have"
    return "not an id: it contains control characters" if _CONTROL.search(text) else None


def rating_fault(text: str) -> str | None:
    """Return why a text is not a valid rating, or None; an empty text means unrated and is valid."""
    return None if not text or (NUMBER.fullmatch(text) and math.isfinite(float(text))) else "not a number"


def as_ids(distinct: list[str], codes: np.ndarray) -> pd.Series:
    """Return the ids of the codes (rows,): int64 if all are canonical integers, else texts.

    `007` is not canonical, so it differs from `7`.
    """
    if all(_CANONICAL.fullmatch(text) for text in distinct):
        return pd.Series(np.array([int(text) for text in distinct], np.int64)[codes])
    return pd.Series(np.array(distinct, dtype=object)[codes], dtype=object)


def quoted(text: str) -> str:
    """Quote bad input for a sentence, shortened."""
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "...")
