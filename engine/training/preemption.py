"""Decides between which two steps a run is saved or stops.

All ranks must agree, since a SIGTERM reaches each of them at a different step.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Stopped(Exception):  # noqa: N818 (not an error: the stop was requested, and the run is saved)
    """Training stopped on request, with its state saved between two steps."""


class Preemption:
    """Collects this rank's votes to stop or to save, and what all ranks decided.

    The votes of all ranks are summed together with numbers that a step sums anyway; `count` takes the sums.
    """

    def __init__(self, minutes: float, is_first: bool) -> None:
        """minutes: the interval between saves."""
        self._seconds, self._is_first = minutes * 60, is_first
        self._next_save = time.monotonic() + self._seconds
        self._sigterm = False
        self.stop = self.save_due = False

    @contextmanager
    def sigterm_deferred(self) -> Iterator[None]:
        """Turn SIGTERM into a vote to stop while the block runs; elsewhere it ends the process as usual."""
        before = signal.signal(signal.SIGTERM, self._on_sigterm)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def votes(self) -> list[float]:
        """Return this rank's votes to stop and to save; only rank 0's clock counts for the latter."""
        return [float(self._sigterm), float(self._is_first and time.monotonic() >= self._next_save)]

    def count(self, stop_votes: float, save_votes: float) -> None:
        """Decide by the votes of all ranks; a stop always saves first."""
        self.stop, self.save_due = stop_votes > 0, stop_votes > 0 or save_votes > 0

    def note_saved(self) -> None:
        """Restart the interval to the next save."""
        self._next_save, self.save_due = time.monotonic() + self._seconds, False

    def _on_sigterm(self, number: int, frame: Any) -> None:
        self._sigterm = True
