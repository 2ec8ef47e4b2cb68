"""What a run says of itself, read from its files without b4r-tui's own readers: losses, metrics, how it ended."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Story:
    """epochs: epoch → (loss, validation metrics), as far as they count; torn: lines that are no JSON."""

    epochs: dict[int, tuple[float, dict[str, Any]]] = field(default_factory=dict)
    tested: dict[str, Any] | None = None
    finished: bool = False
    torn: int = 0

    @property
    def result(self) -> tuple[Any, ...]:
        """What has to be equal, bit for bit, whatever happened in between."""
        return tuple(sorted(self.epochs.items())), self.tested


def read_story(run_dir: Path) -> Story:
    """The story that `events.jsonl` tells."""
    story = Story()
    path = run_dir / "events.jsonl"
    for line in path.read_bytes().split(b"\n") if path.exists() else ():
        try:
            event = json.loads(line) if line else {}
        except ValueError:
            story.torn += 1
            continue
        _take(story, event)
    return story


def _take(story: Story, event: dict[str, Any]) -> None:
    kind = event.get("type")
    if kind == "run_resumed":
        story.epochs = {epoch: told for epoch, told in story.epochs.items() if epoch < event["epoch"]}
    elif kind == "epoch":
        story.epochs[event["epoch"]] = (event["train_loss"], event["metrics"])
    elif kind == "test":
        story.tested = {"metrics": event["metrics"], "epoch": event["checkpoint_epoch"]}
    elif kind == "run_finished":
        story.finished = True


def load(path: Path) -> dict[str, Any]:
    """A JSON object. Raises ValueError where it is torn, OSError where it is missing."""
    value = json.loads(path.read_bytes())
    if not isinstance(value, dict):
        raise ValueError(f"{path}: no object")
    return value
