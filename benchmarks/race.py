"""Lets one training process run for a while and says how fast it was: speed, time to the first step, memory."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

Mark = tuple[float, int]  # unix seconds at which so many steps were done

WARM_SECONDS, WARM_STEPS = 2.0, 3  # not measured
LEAST_STEPS = 2  # measured, however slow they are
LONGEST = 900.0  # seconds until a process that takes no steps is given up
_POLL = 0.1


class NoFigures(Exception):  # noqa: N818 (a reason to show in the table, not a fault of the program)
    """Why a process gave no figures, in its own last words."""


@dataclass(frozen=True)
class Figures:
    """Of one process. first_step: seconds from its start until its first step was done; peak_mb: VmHWM in MiB."""

    steps_per_second: float
    first_step: float
    peak_mb: float


def race(
    command: Sequence[str],
    folder: Path,
    marks: Callable[[], list[Mark]],
    seconds: float,
    env: dict[str, str],
) -> Figures:
    """Run `command` in `folder` until about `seconds` of training after the warm-up are seen, then end it.

    marks: what the process has written of its steps so far. Raises NoFigures where it ends before.
    """
    with (folder / "output.txt").open("wb") as output:
        start = time.time()
        process = subprocess.Popen(
            command, cwd=folder, env=os.environ | env, stdout=output, stderr=output, start_new_session=True
        )
        try:
            found, peak_mb = _watch(process, marks, seconds)
        finally:
            _end(process)
    if not enough(found, seconds):
        raise NoFigures(last_words(folder / "output.txt"))
    speed = steps_per_second(found)
    at, steps = found[0]
    return Figures(speed, at - (steps - 1) / speed - start, peak_mb)


def _watch(
    process: subprocess.Popen[bytes], marks: Callable[[], list[Mark]], seconds: float
) -> tuple[list[Mark], float]:
    found: list[Mark] = []
    peak_mb, deadline = 0.0, time.monotonic() + LONGEST
    while not enough(found, seconds) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(_POLL)
        peak_mb = peak_of(process.pid) or peak_mb
        found = marks()
    return found, peak_mb


def enough(marks: list[Mark], seconds: float) -> bool:
    """Whether the marks after the warm-up span the wanted time and the fewest steps."""
    measured = after_warm_up(marks)
    if len(measured) < 2:
        return False
    (first, before), (last, after) = measured[0], measured[-1]
    return last - first >= seconds and after - before >= LEAST_STEPS


def after_warm_up(marks: list[Mark]) -> list[Mark]:
    """The marks from the first one on that is both some seconds and some steps after the first of all."""
    if not marks:
        return []
    start, done = marks[0]
    return [mark for mark in marks if mark[0] - start >= WARM_SECONDS and mark[1] - done >= WARM_STEPS]


def steps_per_second(marks: list[Mark]) -> float:
    """Steps between the first and the last mark after the warm-up, by the time between them."""
    measured = after_warm_up(marks)
    (first, before), (last, after) = measured[0], measured[-1]
    return (after - before) / (last - first)


def peak_of(pid: int) -> float:
    """Largest resident memory of a process so far in MiB; 0 where it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 2**10 for line in lines if line.startswith("VmHWM")), 0.0)


def last_words(path: Path) -> str:
    """The last line of a log that says something."""
    lines = path.read_text(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")[:200]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process with its children: nothing of it is wanted any more."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
