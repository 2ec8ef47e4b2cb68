"""Keeps Python's search for garbage out of the way of keys: it is done while nobody presses any."""

from __future__ import annotations

import gc
import time

RARELY = 500  # searches of the middle generation between two of the oldest, should nobody ever rest
REST = 2.0  # seconds without a key after which a search is in nobody's way
PERIOD = 60.0  # seconds between two of them


class Garbage:
    """Searches the oldest generation, which holds the app up for a tenth of a second, when nobody waits for it."""

    def __init__(self) -> None:
        newest, middle, _ = gc.get_threshold()
        gc.set_threshold(newest, middle, RARELY)
        self._touched_at = self._searched_at = time.monotonic()

    def touched(self) -> None:
        """Somebody pressed a key or used the mouse."""
        self._touched_at = time.monotonic()

    def look(self) -> None:
        """Search if it is time and nobody is at work."""
        now = time.monotonic()
        if now > self._touched_at + REST and now > self._searched_at + PERIOD:
            gc.collect()
            self._searched_at = time.monotonic()
