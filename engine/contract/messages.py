"""What the engine's one-process programs say on standard output, a JSON object a line, to whoever started them.

`progress` has phase, step and steps; `warning` a message; the last line is `done`, or `failed` with one sentence.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from engine.contract.errors import B4RError

PROGRESS_SECONDS = 0.2


def say(**message: Any) -> None:
    """Say one thing at once."""
    sys.stdout.write(json.dumps(message, ensure_ascii=False) + "\n")
    sys.stdout.flush()


class Progress:
    """Says where the work is, a few times a second."""

    def __init__(self, silent: bool = False) -> None:
        self._silent, self._next = silent, 0.0

    def __call__(self, phase: str, step: int, steps: int) -> None:
        """The last step of a phase is always told."""
        if not self._silent and (step == steps or time.monotonic() >= self._next):
            self._next = time.monotonic() + PROGRESS_SECONDS
            say(type="progress", phase=phase, step=step, steps=steps)


@contextmanager
def failures_said() -> Iterator[None]:
    """Say `failed` and end with the error's exit code where a B4RError comes out of the block."""
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    try:
        yield
    except B4RError as error:
        say(type="failed", error=error.sentence)
        raise SystemExit(int(error.code)) from None
