"""Messages that the engine's programs write to standard output, one JSON object per line.

`progress`: phase, step, steps. `warning`: message. `recommendations`: user, history, items. The last line is `done`,
with what the program produced, or `failed` with an error in one sentence and the exit code.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any, Literal

from engine.contract.errors import ExitCode

PROGRESS_SECONDS = 0.2  # least interval between two `progress` lines

MessageType = Literal["progress", "warning", "recommendations", "done", "failed"]


def emit(type: MessageType, **fields: Any) -> None:
    """Write a message now, in one write, since ranks share the stream."""
    sys.stdout.write(json.dumps({"type": type, **fields}) + "\n")
    sys.stdout.flush()


def emit_failure(sentence: str, code: ExitCode) -> None:
    """Write the message that ends a program which failed."""
    emit("failed", error=sentence, code=int(code))


class ProgressEmitter:
    """Emits `progress` a few times per second."""

    def __init__(self, silent: bool = False) -> None:
        self._silent, self._next = silent, 0.0

    def __call__(self, phase: str, step: int, steps: int) -> None:
        """Emit where the work is, unless that was done just now; the last step of a phase is always emitted."""
        if not self._silent and (step == steps or time.monotonic() >= self._next):
            self._next = time.monotonic() + PROGRESS_SECONDS
            emit("progress", phase=phase, step=step, steps=steps)
