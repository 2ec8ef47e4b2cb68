"""Writes a run's numbers as TensorBoard's event files, with its own writer, which needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from b4r_tui.runs.store import Run
from b4r_tui.runs.trackers.numbers import Number
from engine.contract import run_folder


class TensorBoard:
    """Event files in `<run>/tensorboard`, or in `<folder>/<experiment>/<run id>`."""

    def __init__(self, run: Run, folder: Path | None) -> None:
        self.folder = folder / run.experiment / run.run_id if folder else run.dir / run_folder.TENSORBOARD
        self._writer: EventFileWriter | None = None
        self._written: list[Number] = []

    def put(self, numbers: Sequence[Number]) -> None:
        """Append what is new; start over if something written is superseded, as after a resume."""
        if self._writer is None or self._written != list(numbers[: len(self._written)]):
            self._begin()
        assert self._writer is not None
        for number in numbers[len(self._written) :]:
            value = Summary.Value(tag=number.name, simple_value=number.value)
            event = Event(wall_time=number.t, step=number.step, summary=Summary(value=[value]))
            self._writer.add_event(event)
        self._writer.flush()
        self._written = list(numbers)

    def close(self, state: str) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()

    def _begin(self) -> None:
        """A new file in place of those of an earlier time."""
        self.close("")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in self.folder.glob("events.out.tfevents.*"):
            old.unlink()
        self._writer, self._written = EventFileWriter(str(self.folder)), []
