"""Why queued runs wait and how busy the GPUs of running ones are, looked up now and then for the poller."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from b4r_tui.runs.state import RunState

SECONDS = 2.0  # between two looks at the queue: each reads what all its runs need


class QueueWatch:
    """Keeps the reasons of a runs root; they are looked up anew when they are old or other runs wait."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._reasons: dict[Path, str] = {}
        self._states: dict[Path, RunState] = {}
        self._at = float("-inf")

    def reasons(self, states: dict[Path, RunState]) -> dict[Path, str]:
        """Why each queued run waits, by folder. states: of all runs that have not ended."""
        if not any(state.value == "queued" for state in states.values()):
            self._reasons = {}
        elif states != self._states or time.monotonic() > self._at + SECONDS:
            self._reasons, self._at = self._look(), time.monotonic()
        self._states = states
        return self._reasons

    def _look(self) -> dict[Path, str]:
        from b4r_tui.runs.queue.outlook import look_ahead
        from b4r_tui.runs.store import RunStore

        rows = look_ahead(RunStore(self._root)).rows
        return {row.run.dir: row.reason for row in rows if row.state == "queued"}


class GpuWatch:
    """Keeps how busy GPUs are; they are asked again when that is old."""

    def __init__(self) -> None:
        self._loads: dict[str, float] = {}
        self._at = float("-inf")

    def load(self, gpus: tuple[str, ...]) -> float | None:
        """Mean load of these GPUs from 0 to 1; None where nobody tells."""
        if not gpus:
            return None
        if time.monotonic() > self._at + SECONDS:
            from b4r_tui.runs.queue.gpus import loads

            self._loads, self._at = loads(), time.monotonic()
        known = [self._loads[name] for name in gpus if name in self._loads]
        return sum(known) / len(known) if known else None
