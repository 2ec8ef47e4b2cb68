"""What every reader can do."""

from __future__ import annotations

from typing import Protocol

import pandas as pd

from engine.config import DataConfig

COLUMNS = ("user", "item", "rating", "timestamp")


class Reader(Protocol):
    """A source of interactions: a file format, or a generator."""

    def fingerprint(self, config: DataConfig) -> str:
        """Hex digest of what `read` reads; equal digests mean equal interactions. Raises B4RError."""

    def read(self, config: DataConfig) -> pd.DataFrame:
        """All interactions in the order of the source, with COLUMNS.

        Ids are whole numbers or texts, ratings finite numbers, timestamps whole numbers; none is missing.
        A source that knows the order of interactions but no times gives no column `timestamp`.
        Raises B4RError that names the file and the line.
        """
