"""Between which two steps a run is saved or stops, agreed by all ranks: a SIGTERM strikes each at its own step."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Stopped(Exception):  # noqa: N818 (nothing went wrong: a stop was asked for, and the run is saved)
    """The run was asked to stop, and stands saved between two steps."""


class Pauses:
    """Collects what ranks want and tells all of them the same.

    Each rank's `votes` are summed over ranks, together with what a step sums anyway, and the sums go to `hear`.
    """

    def __init__(self, minutes: float, is_first: bool) -> None:
        self._seconds, self._is_first = minutes * 60, is_first
        self._next = time.monotonic() + self._seconds
        self._signalled = False
        self.stop = self.due = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take a SIGTERM as the wish to stop while the block runs; outside of it, it ends the process as usual."""
        earlier = signal.signal(signal.SIGTERM, self._note)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, earlier)

    def votes(self) -> list[float]:
        """Whether this rank was told to stop, and whether the time to save has come: by the clock of rank 0."""
        return [float(self._signalled), float(self._is_first and time.monotonic() >= self._next)]

    def hear(self, stops: float, due: float) -> None:
        """Take in the votes of all ranks."""
        self.stop, self.due = stops > 0, stops > 0 or due > 0

    def saved(self) -> None:
        """The run is saved: the next time is `minutes` from now."""
        self._next, self.due = time.monotonic() + self._seconds, False

    def _note(self, number: int, frame: Any) -> None:
        self._signalled = True
