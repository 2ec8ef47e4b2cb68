"""Fingerprints of the bytes read, of the split made from them, and of the negatives drawn."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, BinaryIO

from engine.contract.config.data import DataConfig

RULES = 1  # raise it whenever the same bytes and settings would give other indices or another split
NEGATIVE_RULES = 1  # raise it whenever the same split, protocol and seed would give other negatives
_BLOCK_BYTES = 1 << 20
_SETTINGS = ("dataset_name", "min_rating", "min_user_count", "min_item_count", "split")


def of_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex. Raises OSError."""
    with path.open("rb") as file:
        return of_stream(file)


def of_stream(file: BinaryIO) -> str:
    """Return the SHA-256 of the remaining bytes, in hex. Raises OSError."""
    digest = hashlib.sha256()
    while block := file.read(_BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()


def of_settings(**settings: Any) -> str:
    """Return the SHA-256 of settings that JSON can hold, in hex; their order does not matter."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def of_split(data_fingerprint: str, config: DataConfig) -> str:
    """Return the fingerprint of the indices and the split that `config` makes of the data."""
    settings = {name: getattr(config, name) for name in _SETTINGS}
    if config.split == "temporal":
        by_time = config.temporal_times is not None
        settings["cuts"] = config.temporal_times if by_time else config.temporal_fractions
    return of_settings(rules=RULES, data=data_fingerprint, **settings)


def of_negatives(split_fingerprint: str, protocol: str, seed: int) -> str:
    """Return the fingerprint of a sampled protocol's negatives; metrics are comparable only if it is equal."""
    return of_settings(rules=NEGATIVE_RULES, split=split_fingerprint, protocol=protocol, seed=seed)
