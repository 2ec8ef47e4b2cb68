"""Polls why queued runs wait and how busy GPUs are, less often than the run folders."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from b4r_tui.runs.state import RunState

PERIOD = 2.0  # seconds between two reads of the queue: each reads the needs of all its runs


class QueuePoller:
    """Caches why the runs of a runs root wait; reads again when that is old or other runs are active."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._reasons: dict[Path, str] = {}
        self._states: dict[Path, RunState] = {}
        self._at = float("-inf")

    def reasons(self, states: dict[Path, RunState]) -> dict[Path, str]:
        """Return why each queued run waits, by folder. states: of all runs that have not ended."""
        if not any(state.value == "queued" for state in states.values()):
            self._reasons = {}
        elif states != self._states or time.monotonic() > self._at + PERIOD:
            self._reasons, self._at = self._read(), time.monotonic()
        self._states = states
        return self._reasons

    def _read(self) -> dict[Path, str]:
        # deferred
        from b4r_tui.runs.queue.outlook import look_ahead
        from b4r_tui.runs.store import RunStore

        rows = look_ahead(RunStore(self._root)).rows
        return {row.run.dir: row.reason for row in rows if row.state == "queued"}


class GpuPoller:
    """Caches how busy GPUs are; reads again when that is old."""

    def __init__(self) -> None:
        self._loads: dict[str, float] = {}
        self._at = float("-inf")

    def load(self, gpus: tuple[str, ...]) -> float | None:
        """Return the mean utilisation of these GPUs from 0 to 1, None if unknown."""
        if not gpus:
            return None
        if time.monotonic() > self._at + PERIOD:
            from b4r_tui.runs.queue.gpus import loads  # deferred

            self._loads, self._at = loads(), time.monotonic()
        known = [self._loads[name] for name in gpus if name in self._loads]
        return sum(known) / len(known) if known else None
