"""Names of the members of a sweep: the base name, followed by the swept values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

SEEDS = "seeds"


def labels_of(keys: Sequence[str]) -> dict[str, str]:
    """Return the label of each swept key in names: its last part, or the full key if two end alike."""
    last = {key: key.rpartition(".")[2] for key in keys}
    often = Counter(last.values())
    return {
        key: "s" if key == SEEDS else (short if often[short] == 1 else key) for key, short in last.items()
    }


def member_name(base: str, labels: dict[str, str], values: dict[str, Any]) -> str:
    """Return a name such as `base-lr0.001-s1`, with only the characters allowed in experiment names."""
    parts = [_safe(f"{labels[key]}{_shown(value)}") for key, value in values.items()]
    return "-".join([base, *parts])


def numbered_name(base: str, number: int, seed: int | None) -> str:
    """Return a name such as `base.003-s1`, for points whose values make no valid name."""
    return f"{base}.{number:03}" + ("" if seed is None else f"-s{seed}")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "_".join(_shown(item) for item in value)
    if isinstance(value, dict):
        return "_".join(f"{key}{_shown(item)}" for key, item in value.items())
    return str(value)


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text)
