"""Why a run failed, in one sentence, from what torchrun and the ranks left in their logs."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from pathlib import Path

from b4r_tui.runs.logs import LogTail
from b4r_tui.runs.store import Run

TRACEBACK_LINES = 60

_REPORT = re.compile(r"Root Cause.*?rank\s*:\s*(\d+).*?exitcode\s*:\s*(-?\d+)", re.DOTALL)
_TORCHRUN_LINE = re.compile(r"[EWI]\d{4} \d\d:\d\d:\d\d")
_RANK_MARK = re.compile(r"^\[(?:rank|default)\d+\]: ?")
_EXCEPTION = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Failure)(?:: .*)?$")
_LONGEST_REASON = 300


@dataclass(frozen=True)
class Failure:
    """What ended a run. rank: who failed first, None where torchrun itself did; signal: what killed it."""

    rank: int | None
    code: int | None
    signal: int | None
    sentence: str
    traceback: str


def diagnose(run: Run, returncode: int) -> Failure:
    """Explain a torchrun that ended with `returncode` (negative: killed by that signal)."""
    launcher = _last_lines(run.log_path())
    report = _REPORT.search("\n".join(launcher))
    rank, status = (int(report[1]), int(report[2])) if report else (None, returncode)
    lines = _telling(
        _last_lines(run.log_path(rank)) if rank is not None else [], _before_torchrun_speaks(launcher)
    )
    return Failure(
        rank=rank,
        code=status if status >= 0 else None,
        signal=-status if status < 0 else None,
        sentence=_sentence(rank, status, lines),
        traceback="\n".join(lines[-TRACEBACK_LINES:]),
    )


def _sentence(rank: int | None, status: int, lines: list[str]) -> str:
    who = "torchrun" if rank is None else f"rank {rank}"
    if status < 0:
        return f"{who} was killed by {_signal_name(-status)}{_likely_cause(-status)}"
    reason = _reason(lines)
    return f"{who} ended with exit code {status}" + (f": {reason}" if reason else " and said nothing")


def _reason(lines: list[str]) -> str:
    """The last line that names an exception, else the last line that says anything."""
    spoken = [line.strip() for line in lines if line.strip()]
    named = [line for line in spoken if _EXCEPTION.match(line)]
    reason = (named or spoken or [""])[-1]
    return reason if len(reason) <= _LONGEST_REASON else reason[: _LONGEST_REASON - 1] + "…"


def _telling(*logs: list[str]) -> list[str]:
    """The first of the logs that names an exception, else the first that says anything."""
    named = [log for log in logs if any(_EXCEPTION.match(line) for line in log)]
    spoken = [log for log in logs if any(line.strip() for line in log)]
    return (named or spoken or [[]])[0]


def _likely_cause(number: int) -> str:
    if number == signal.SIGKILL:
        return "; most often the machine ran out of memory"
    if number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL):
        return "; native code crashed, its log may say where"
    return ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _before_torchrun_speaks(lines: list[str]) -> list[str]:
    """What the ranks wrote into the launcher's log: the lines before torchrun's own report."""
    for index, line in enumerate(lines):
        if _TORCHRUN_LINE.match(line) and "failed (exitcode" in line:
            return lines[:index] or lines
    return lines


def _last_lines(path: Path, count: int = 400) -> list[str]:
    tail = LogTail(path, last_lines=count)
    lines = tail.poll()
    while not tail.drained:
        lines += tail.poll()
    return [_RANK_MARK.sub("", line) for line in lines + tail.flush()]
