"""Runs one training process for a while and measures its speed, time to the first step and memory."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

Mark = tuple[float, int]  # unix seconds, and the steps done by then

WARM_UP_SECONDS, WARM_UP_STEPS = 2.0, 3  # not measured
MIN_STEPS = 2  # to measure, however slow they are
TIMEOUT = 900.0  # seconds
_POLL = 0.1


class NoFigures(Exception):  # noqa: N818 (a reason to show in the table, not a fault of the program)
    """Says why a process gave no figures: the last line of its output."""


@dataclass(frozen=True)
class Figures:
    """Figures of one process. first_step: seconds from start to the end of the first step; peak_mb: VmHWM in MiB."""

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
    """Run `command` in `folder` for about `seconds` of training after the warm-up, then kill it.

    marks: returns what the process has written of its steps. Raises NoFigures if it ends before.
    """
    with (folder / "output.txt").open("wb") as output:
        start = time.time()
        process = subprocess.Popen(
            command, cwd=folder, env=os.environ | env, stdout=output, stderr=output, start_new_session=True
        )
        try:
            recorded, peak_mb = _watch(process, marks, seconds)
        finally:
            _kill(process)
    if not enough(recorded, seconds):
        raise NoFigures(last_line(folder / "output.txt"))
    speed = steps_per_second(recorded)
    at, steps = recorded[0]
    return Figures(speed, at - (steps - 1) / speed - start, peak_mb)


def _watch(
    process: subprocess.Popen[bytes], marks: Callable[[], list[Mark]], seconds: float
) -> tuple[list[Mark], float]:
    recorded: list[Mark] = []
    peak_mb, deadline = 0.0, time.monotonic() + TIMEOUT
    while not enough(recorded, seconds) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(_POLL)
        peak_mb = peak_of(process.pid) or peak_mb
        recorded = marks()
    return recorded, peak_mb


def enough(marks: list[Mark], seconds: float) -> bool:
    """Return whether the marks after the warm-up span `seconds` and MIN_STEPS."""
    measured = after_warm_up(marks)
    if len(measured) < 2:
        return False
    (first, before), (last, after) = measured[0], measured[-1]
    return last - first >= seconds and after - before >= MIN_STEPS


def after_warm_up(marks: list[Mark]) -> list[Mark]:
    """Return the marks that are both WARM_UP_SECONDS and WARM_UP_STEPS after the first."""
    if not marks:
        return []
    start, steps = marks[0]
    return [mark for mark in marks if mark[0] - start >= WARM_UP_SECONDS and mark[1] - steps >= WARM_UP_STEPS]


def steps_per_second(marks: list[Mark]) -> float:
    """Return the speed from the first to the last mark after the warm-up."""
    measured = after_warm_up(marks)
    (first, before), (last, after) = measured[0], measured[-1]
    return (after - before) / (last - first)


def peak_of(pid: int) -> float:
    """Return the peak resident memory of a process so far in MiB; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 2**10 for line in lines if line.startswith("VmHWM")), 0.0)


def last_line(path: Path) -> str:
    """Return the last non-blank line of a log."""
    lines = path.read_text(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "no output")[:200]


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the process with its children."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
