"""What one field of an interaction may be: the rules that fast paths and error messages share."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd

LONGEST_ID = 200  # characters; ids are kept in arrays as wide as the longest
MISSING = frozenset({"nan", "NaN", "NULL", "null", "None", "<NA>"})
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
_CANONICAL = re.compile(r"0|[1-9][0-9]{0,17}")  # whole numbers that nothing is lost of as int64
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SHOWN = 60  # characters of bad input that a sentence quotes


def id_fault(text: str) -> str | None:
    """What keeps a text from being an id, if anything."""
    if not text:
        return "empty"
    if text in MISSING:
        return "a missing value, not an id"
    if len(text) > LONGEST_ID:
        return f"longer than the {LONGEST_ID} characters an id may have"
    return "no id: it holds control characters" if _CONTROL.search(text) else None


def rating_fault(text: str) -> str | None:
    """What keeps a text from being a rating; an empty one is no rating, which is in order."""
    return None if not text or (NUMBER.fullmatch(text) and math.isfinite(float(text))) else "not a number"


def as_ids(distinct: list[str], codes: np.ndarray) -> pd.Series:
    """The ids that the codes (rows,) stand for: int64 where all are plain whole numbers, else texts.

    `007` is not plain, so that it stays apart from `7`.
    """
    if all(_CANONICAL.fullmatch(text) for text in distinct):
        return pd.Series(np.array([int(text) for text in distinct], np.int64)[codes])
    return pd.Series(np.array(distinct, dtype=object)[codes], dtype=object)


def quoted(text: str) -> str:
    """Bad input as a sentence quotes it."""
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "...")
