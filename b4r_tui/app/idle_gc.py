"""Runs Python's full garbage collection while the user is idle, so that no key press waits for it."""

from __future__ import annotations

import gc
import time

RARELY = 500  # middle-generation collections per full one, if the user is never idle
IDLE = 2.0  # seconds without a key after which a collection delays nobody
PERIOD = 60.0  # seconds between two full collections


class IdleCollector:
    """Collects the oldest generation, which blocks the app for a tenth of a second, only when the user is idle."""

    def __init__(self) -> None:
        newest, middle, _ = gc.get_threshold()
        gc.set_threshold(newest, middle, RARELY)
        self._input_at = self._collected_at = time.monotonic()

    def input_seen(self) -> None:
        """Note that a key was pressed or the mouse was used."""
        self._input_at = time.monotonic()

    def collect_if_idle(self) -> None:
        """Collect if a collection is due and the user is idle."""
        now = time.monotonic()
        if now > self._input_at + IDLE and now > self._collected_at + PERIOD:
            gc.collect()
            self._collected_at = time.monotonic()
