"""What every reader can do."""

from __future__ import annotations

from typing import Protocol

import pandas as pd

from engine.contract.config.data import DataConfig
from engine.data.dataset import FunnelStep

COLUMNS = ("user", "item", "rating", "timestamp")
_DROPPED, _READ = "dropped", "read"


class Reader(Protocol):
    """A source of interactions: a file format, or a generator."""

    def fingerprint(self, config: DataConfig) -> str:
        """Hex digest of what `read` reads; equal digests mean equal interactions. Raises B4RError."""

    def read(self, config: DataConfig) -> pd.DataFrame:
        """All interactions in the order of the source, with COLUMNS.

        Ids are whole numbers or texts; ratings finite numbers, or NaN where there is none; timestamps numbers,
        int64 unless the source has fractions of seconds.
        A source that knows the order of interactions but no times gives no column `timestamp`.
        Rows that were left out are counted in `dropped`.
        Raises B4RError that names the file and the line.
        """


def count_dropped(frame: pd.DataFrame, counts: dict[str, int], users: int, items: int) -> pd.DataFrame:
    """The frame, with a note on the rows its reader left out: reason → rows.

    users, items: how many there are in all rows, those left out included.
    """
    frame.attrs[_DROPPED] = {reason: count for reason, count in counts.items() if count}
    frame.attrs[_READ] = FunnelStep(_READ, len(frame) + sum(counts.values()), users, items)
    return frame


def dropped(frame: pd.DataFrame) -> dict[str, int]:
    """The rows that the reader of the frame left out: reason → rows, such as {"without unixtime": 3}."""
    return dict(frame.attrs.get(_DROPPED, {}))


def read_before_drops(frame: pd.DataFrame) -> FunnelStep | None:
    """What the reader of the frame read before it left rows out; None where it left none out."""
    return frame.attrs[_READ] if dropped(frame) else None
