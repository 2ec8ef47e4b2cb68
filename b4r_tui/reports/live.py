"""Three ways to show active runs: a live table, plain lines, or events as JSON lines."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live

from b4r_tui.common.event_lines import event_line
from b4r_tui.reports.runs import live_table
from b4r_tui.reports.table import as_group
from b4r_tui.runs.progress import RunWatch
from engine.contract.config.experiment import Experiment
from engine.contract.events import Checkpoint, Progress

_FRAME_LINES = 8  # lines of a terminal that the live table needs besides its rows
_CLOCK_SECONDS = 1.0  # an unchanged table is redrawn this often, for its ETA


class Display(AbstractContextManager["Display"], Protocol):
    """Shows active runs."""

    def update(self, changed: Sequence[RunWatch]) -> None:
        """Show what is new; called at most four times a second."""


class LiveTable(AbstractContextManager["LiveTable"]):
    """A table on a terminal that is redrawn in place."""

    def __init__(
        self, watches: Sequence[RunWatch], experiments: Sequence[Experiment], console: Console
    ) -> None:
        self._watches, self._experiments, self._console = watches, experiments, console
        self._live = Live(console=console, auto_refresh=False)
        self._drawn_at = 0.0

    def __enter__(self) -> LiveTable:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.update(self._table(), refresh=True)
        self._live.stop()

    def update(self, changed: Sequence[RunWatch]) -> None:
        """Redraw the table if something changed or its clocks are due."""
        now = time.monotonic()
        if changed or now - self._drawn_at >= _CLOCK_SECONDS:
            self._drawn_at = now
            self._live.update(self._table(), refresh=True)

    def _table(self) -> Group:
        """Return the rows that fit the screen, from shortly before the first active run."""
        capacity = max(1, self._console.height - _FRAME_LINES)
        first = next(
            (i for i, watch in enumerate(self._watches) if not watch.state.ended), len(self._watches)
        )
        start = max(0, min(first - 2, len(self._watches) - capacity))
        rows = slice(start, start + capacity)
        table = live_table(self._watches[rows], self._experiments[rows], time.time())
        hidden = len(self._watches) > capacity
        note = f"rows {start + 1} to {start + capacity} of {len(self._watches)}" if hidden else ""
        return as_group(table, self._console.width, note)


class Lines(AbstractContextManager["Lines"]):
    """One line per event, for pipes, files and dumb terminals."""

    def __init__(self, names: dict[str, str], console: Console) -> None:
        self._names, self._console = names, console
        self._states: dict[str, str] = {}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: nothing is held open."""

    def update(self, changed: Sequence[RunWatch]) -> None:
        """Print the new events of the changed runs, then their state if it changed."""
        for watch in changed:
            name = self._names[watch.run.run_id]
            for record in watch.new_records:
                if not isinstance(record.event, Progress | Checkpoint):
                    _write(self._console, f"{name}: {event_line(record.event)}")
            if self._states.get(watch.run.run_id) != watch.state.value:
                self._states[watch.run.run_id] = watch.state.value
                _write(self._console, f"{name}: {watch.state}")


class JsonLines(AbstractContextManager["JsonLines"]):
    """The events of all runs as they come, one JSON object per line, each with its run_id and experiment."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: nothing is held open."""

    def update(self, changed: Sequence[RunWatch]) -> None:
        """Print the new events."""
        for watch in changed:
            for record in watch.new_records:
                source = {"run_id": watch.run.run_id, "experiment": watch.run.experiment}
                _write(self._console, json.dumps({**record.raw, **source}))


def _write(console: Console, line: str) -> None:
    """Write a line as it is: rich would wrap it."""
    console.file.write(line + "\n")
    console.file.flush()
