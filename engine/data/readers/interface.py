"""The interface of readers, and the counts of rows that they drop."""

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
        """Return a hex digest of what `read` reads; equal digests mean equal interactions. Raises B4RError."""

    def read(self, config: DataConfig) -> pd.DataFrame:
        """Return all interactions in the order of the source, with COLUMNS.

        Ids are integers or texts; ratings finite numbers, or NaN for none; timestamps numbers, int64 unless the
        source has fractions of seconds. A source with an order but no times gives no column `timestamp`. Dropped
        rows are counted in `dropped`. Raises B4RError that names the file and the line.
        """


def count_dropped(frame: pd.DataFrame, counts: dict[str, int], users: int, items: int) -> pd.DataFrame:
    """Attach to the frame the rows that its reader dropped: reason → rows.

    users, items: their number in all rows, including dropped ones.
    """
    frame.attrs[_DROPPED] = {reason: count for reason, count in counts.items() if count}
    frame.attrs[_READ] = FunnelStep(_READ, len(frame) + sum(counts.values()), users, items)
    return frame


def dropped(frame: pd.DataFrame) -> dict[str, int]:
    """Return the rows that the frame's reader dropped: reason → rows, such as {"without unixtime": 3}."""
    return dict(frame.attrs.get(_DROPPED, {}))


def read_before_drops(frame: pd.DataFrame) -> FunnelStep | None:
    """Return what the frame's reader read before it dropped rows; None if it dropped none."""
    return frame.attrs[_READ] if dropped(frame) else None
