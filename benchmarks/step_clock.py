"""Writes down when optimiser steps end, whatever library takes them, through torch's own hook.

Needs torch alone, since it runs inside the peers' environment too.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from torch.optim.optimizer import register_optimizer_step_post_hook

SECONDS = 0.25  # between two lines; the first step has one of its own


def start(path: Path) -> None:
    """Append `{"t": unix seconds, "steps": so far}` to `path` after the first step, then at most four times a second.

    Steps of torch's own optimisers count, not those of wrappers around them.
    """
    file = path.open("a", buffering=1)
    steps, following = 0, 0.0

    def note(optimiser: Any, *_: Any) -> None:
        nonlocal steps, following
        if not type(optimiser).__module__.startswith("torch.optim"):
            return
        steps += 1
        now = time.time()
        if now >= following:
            following = now + SECONDS
            file.write(json.dumps({"t": now, "steps": steps}) + "\n")

    register_optimizer_step_post_hook(note)


def read(path: Path) -> list[tuple[float, int]]:
    """What was written so far: (unix seconds, steps) of each line, a torn last line left out."""
    if not path.exists():
        return []
    lines = path.read_text().split("\n")[:-1]
    marks = (json.loads(line) for line in lines)
    return [(mark["t"], mark["steps"]) for mark in marks]
