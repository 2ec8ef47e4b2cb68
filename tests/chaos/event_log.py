"""Reads what a run reports, without b4r-tui's own readers: losses, metrics, whether it finished."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class EventLog:
    """Content of `events.jsonl`. epochs: epoch → (loss, validation metrics), the last report; torn: invalid lines."""

    epochs: dict[int, tuple[float, dict[str, Any]]] = field(default_factory=dict)
    tested: dict[str, Any] | None = None
    finished: bool = False
    torn: int = 0

    @property
    def result(self) -> tuple[Any, ...]:
        """Return what must be equal, bit for bit, whatever faults occurred."""
        return tuple(sorted(self.epochs.items())), self.tested


def read_event_log(run_dir: Path) -> EventLog:
    """Read a run's `events.jsonl`."""
    log = EventLog()
    path = run_dir / "events.jsonl"
    for line in path.read_bytes().split(b"\n") if path.exists() else ():
        try:
            event = json.loads(line) if line else {}
        except ValueError:
            log.torn += 1
            continue
        _add(log, event)
    return log


def _add(log: EventLog, event: dict[str, Any]) -> None:
    kind = event.get("type")
    if kind == "run_resumed":
        log.epochs = {epoch: report for epoch, report in log.epochs.items() if epoch < event["epoch"]}
    elif kind == "epoch":
        log.epochs[event["epoch"]] = (event["train_loss"], event["metrics"])
    elif kind == "test":
        log.tested = {"metrics": event["metrics"], "epoch": event["checkpoint_epoch"]}
    elif kind == "run_finished":
        log.finished = True


def load(path: Path) -> dict[str, Any]:
    """Read a JSON object. Raises ValueError if it is corrupt, OSError if it is missing."""
    value = json.loads(path.read_bytes())
    if not isinstance(value, dict):
        raise ValueError(f"{path} does not contain an object")
    return value
