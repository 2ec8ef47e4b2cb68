"""Counter-based random numbers: they depend on their purpose and keys, never on order, batch or rank."""

from __future__ import annotations

import zlib

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def hashed(seed: int, purpose: str, *keys: np.ndarray | int) -> np.ndarray:
    """Return uniform 64-bit integers, one for each element of the broadcast `keys`.

    The same (seed, purpose, keys) always give the same number, so any subset can be drawn alone. Each key is
    mixed in with the finaliser of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
    generators, OOPSLA 2014). Returns uint64 of the broadcast shape.
    """
    with np.errstate(over="ignore"):
        state = _mix(np.uint64(seed % 2**64) + _GOLDEN * np.uint64(zlib.crc32(purpose.encode()) + 1))
        for key in keys:
            state = _mix(state ^ (np.asarray(key).astype(np.uint64) + np.uint64(1)) * _GOLDEN)
    return np.asarray(state)


def uniforms(seed: int, purpose: str, *keys: np.ndarray | int) -> np.ndarray:
    """Return uniform float64 numbers in [0, 1), one for each element of the broadcast `keys`; see `hashed`."""
    return (hashed(seed, purpose, *keys) >> np.uint64(11)) * 2.0**-53


def _mix(z: np.ndarray | np.uint64) -> np.ndarray | np.uint64:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
