"""Parses the times of custom data: seconds, or dates that are converted to seconds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.data.readers.cells import NUMBER

_DECIMAL = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_DATES = {"date": pa.timestamp("us"), "date with a zone": pa.timestamp("us", tz="UTC")}


def times_of(texts: pa.ChunkedArray) -> np.ndarray:
    """Return seconds since 1970 of numbers or ISO 8601 dates, all of one kind: (rows,). Raises ValueError."""
    try:
        return pc.cast(texts, pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        texts = pc.utf8_trim_whitespace(texts)
    if pc.all(pc.match_substring_regex(texts, _DECIMAL)).as_py():
        return whole_if_possible(pc.cast(pc.utf8_ltrim(texts, "+"), pa.float64()).to_numpy())
    kind = time_kind(texts[0].as_py())
    if kind not in _DATES:
        raise ValueError("neither seconds nor dates")
    return seconds_of(pc.cast(texts, _DATES[kind]))


def seconds_of(stamps: pa.ChunkedArray) -> np.ndarray:
    """Return seconds since 1970 of Arrow timestamps or dates: (rows,) int64, or float64 if there are fractions."""
    unit = pa.timestamp("us", tz=getattr(stamps.type, "tz", None))
    microseconds = pc.cast(pc.cast(stamps, unit), pa.int64()).to_numpy()
    if not (microseconds % 1_000_000).any():
        return microseconds // 1_000_000
    return microseconds / 1e6


def whole_if_possible(seconds: np.ndarray) -> np.ndarray:
    """Return int64 if no fraction is lost, else float64 as given: (rows,). Raises ValueError if not finite."""
    if not np.isfinite(seconds).all() or np.abs(seconds).max(initial=0) >= 2**62:
        raise ValueError("times that are not finite numbers")
    rounded = seconds.astype(np.int64)
    return rounded if (rounded == seconds).all() else seconds


def time_kind(text: str) -> str | None:
    """Return `number`, `date` or `date with a zone`, or None for a text that is not a time."""
    if NUMBER.fullmatch(text) and abs(float(text)) < 2**62:
        return "number"
    return next((kind for kind, dtype in _DATES.items() if _can_cast(text, dtype)), None)


def _can_cast(text: str, dtype: pa.DataType) -> bool:
    try:
        pc.cast(pa.array([text]), dtype)
    except pa.ArrowInvalid:
        return False
    return True
