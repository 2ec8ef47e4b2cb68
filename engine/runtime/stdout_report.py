"""Tells whoever started an evaluation how far it is and how it ended, as JSON lines on standard output."""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.contract.errors import B4RError, ExitCode
from engine.distributed.process_group import Group
from engine.runtime.report import Reporter

PROGRESS_SECONDS = 0.2

log = logging.getLogger(__name__)


class Teller(Reporter):
    """Tells progress on standard output, on rank 0 and a few times a second; events go to a run folder, if any."""

    def __init__(self, run_dir: Path | None, group: Group) -> None:
        super().__init__(run_dir, group)
        self._silent, self._next = not group.is_first, 0.0

    def progress(self, phase: str, epoch: int, step: int, steps: int, **numbers: float) -> None:
        """The last step of a phase is always told."""
        if not self._silent and (step == steps or time.monotonic() >= self._next):
            self._next = time.monotonic() + PROGRESS_SECONDS
            say(type="progress", phase=phase, step=step, steps=steps)


@contextmanager
def failures_told() -> Iterator[None]:
    """Turn an error in the block into a `failed` line, a line in the log and an exit code; the run's events stay."""
    try:
        yield
    except B4RError as error:
        _fail(error.sentence, error.code, error)
    except Exception as error:  # noqa: BLE001 (whatever it is, it must be told)
        log.error(traceback.format_exc())
        said = str(error).strip().splitlines() or ["no message"]
        _fail(f"{type(error).__name__}: {said[0]}", ExitCode.RUN_FAILED, error)
    except (SystemExit, KeyboardInterrupt) as ended:
        traceback.clear_frames(ended.__traceback__)
        raise


def _fail(sentence: str, code: ExitCode, error: Exception) -> None:
    say(type="failed", error=sentence, code=int(code))
    log.error(sentence)
    traceback.clear_frames(error.__traceback__)  # lets go of the model; see process_group
    raise SystemExit(int(code)) from None


def say(**message: Any) -> None:
    """A message as a JSON line on standard output."""
    sys.stdout.write(json.dumps(message) + "\n")  # in one write, since ranks share the stream
    sys.stdout.flush()


def end(number: int, frame: object) -> None:
    """Leave in good order, so that half-written files vanish."""
    raise SystemExit(int(ExitCode.INTERRUPTED))
