"""Reads each format of interaction logs into one table: user, item, rating, timestamp, in file order.

It knows nothing of filters, splits or caches; a new format is one file here and one line below.
"""

from __future__ import annotations

from engine.data.readers.custom_data import CUSTOM_DATA
from engine.data.readers.interface import COLUMNS, Reader
from engine.data.readers.library_thing import LIBRARY_THING
from engine.data.readers.ml_1m import ML_1M
from engine.data.readers.ml_20m import ML_20M
from engine.data.readers.ml_100k import ML_100K
from engine.data.readers.random_rows import RANDOM
from engine.data.readers.synthetic import SYNTHETIC

READERS: dict[str, Reader] = {
    "ml-100k": ML_100K,
    "ml-1m": ML_1M,
    "ml-20m": ML_20M,
    "lt": LIBRARY_THING,
    "csv": CUSTOM_DATA,
    "random": RANDOM,
    "synthetic": SYNTHETIC,
}

__all__ = ["COLUMNS", "READERS", "Reader"]
