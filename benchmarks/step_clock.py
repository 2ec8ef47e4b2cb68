"""Records when optimiser steps end, in any library, through torch's own hook.

It needs only torch, since it runs inside the peers' environment too.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from torch.optim.optimizer import register_optimizer_step_post_hook

SECONDS = 0.25  # between two lines; the first step has its own line


def start(path: Path) -> None:
    """Append `{"t": unix seconds, "steps": so far}` to `path` after the first step, then at most four times per second.

    Only steps of torch's own optimisers count, not those of wrappers around them.
    """
    file = path.open("a", buffering=1)
    steps, next_write = 0, 0.0

    def record(optimiser: Any, *_: Any) -> None:
        nonlocal steps, next_write
        if not type(optimiser).__module__.startswith("torch.optim"):
            return
        steps += 1
        now = time.time()
        if now >= next_write:
            next_write = now + SECONDS
            file.write(json.dumps({"t": now, "steps": steps}) + "\n")

    register_optimizer_step_post_hook(record)


def read(path: Path) -> list[tuple[float, int]]:
    """Return (unix seconds, steps) of each line so far, without an incomplete last line."""
    if not path.exists():
        return []
    lines = path.read_text().split("\n")[:-1]
    marks = (json.loads(line) for line in lines)
    return [(mark["t"], mark["steps"]) for mark in marks]
