"""Finds the rank that failed first and its last output, from the logs of torchrun and the ranks."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from b4r_tui.runs.crash.traceback import is_echo
from b4r_tui.runs.logs.tail import LogTail
from b4r_tui.runs.store import Run

TRACEBACK_LINES = 60

_DEATH = re.compile(r"rank\s*:\s*(\d+)[^\n]*\n\s*exitcode\s*:\s*(-?\d+)(?:\s*\(pid: (\d+)\))?")
_TORCHRUN_LINE = re.compile(r"[EWI]\d{4} \d\d:\d\d:\d\d")
_RANK_MARK = re.compile(r"^\[(?:rank|default)(\d+)\]: ?")
_EXCEPTION = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Failure)(?:: .*)?$")
_LONGEST_REASON = 300


@dataclass(frozen=True)
class Failure:
    """The failure that ended a run. rank: the first that failed, None for torchrun itself; signal: what killed it.

    launcher: torchrun's last lines. pid: of the rank, None where it is unknown.
    """

    rank: int | None
    code: int | None
    signal: int | None
    sentence: str
    traceback: str
    pid: int | None = None
    launcher: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Death:
    """A rank's end as torchrun reports it. status: exit code, or a negative signal number."""

    rank: int
    status: int
    pid: int | None


def diagnose(run: Run, returncode: int, first: int | None = None) -> Failure:
    """Explain the end of a torchrun with `returncode` (negative: killed by that signal).

    first: the rank that failed first, where the events name it.
    """
    launcher = _last_lines(run.log_path())
    reported = [death for death in _deaths("\n".join(launcher)) if death.rank == first]
    root = reported[-1] if reported else _first_to_fail(run, launcher)
    rank, status = (root.rank, root.status) if root else (None, returncode)
    lines = _output_of(run, rank, launcher)
    return Failure(
        rank=rank,
        code=status if status >= 0 else None,
        signal=-status if status < 0 else None,
        sentence=_sentence(rank, status, lines),
        traceback="\n".join(lines[-TRACEBACK_LINES:]),
        pid=root.pid if root else None,
        launcher=tuple(launcher[-TRACEBACK_LINES:]),
    )


def _first_to_fail(run: Run, launcher: Sequence[str]) -> _Death | None:
    """Return the root cause as torchrun sees it, unless that rank only saw another reported one die."""
    deaths = _deaths("\n".join(launcher))
    if not deaths:
        return None
    root, others = deaths[-1], deaths[:-1]
    if root.status > 0 and is_echo(_reason(_output_of(run, root.rank, launcher))):
        killed = [each for each in others if each.status < 0 and each.status != -signal.SIGTERM]
        raised = [
            each
            for each in others
            if each.status > 0 and not is_echo(_reason(_output_of(run, each.rank, launcher)))
        ]
        return (killed + raised + [root])[0]
    return root


def _deaths(launcher: str) -> list[_Death]:
    """Return all failures of torchrun's last report, the root cause last."""
    report = launcher[max(launcher.rfind("\nFailures:"), 0) :]
    return [
        _Death(int(rank), int(status), int(pid) if pid else None)
        for rank, status, pid in _DEATH.findall(report)
    ]


def _output_of(run: Run, rank: int | None, launcher: Sequence[str]) -> list[str]:
    """Return the lines about a rank's end: of its own log, else those it wrote into the launcher's."""
    before = _before_torchrun_report(list(launcher))
    own = _last_lines(run.log_path(rank)) if rank is not None else []
    marked = [line for line in before if (mark := _RANK_MARK.match(line)) and int(mark[1]) == rank]
    return [_RANK_MARK.sub("", line) for line in _most_telling(own, marked, before)]


def _sentence(rank: int | None, status: int, lines: list[str]) -> str:
    who = "torchrun" if rank is None else f"rank {rank}"
    if status < 0:
        return f"{who} was killed by {signal_name(-status)}{_likely_cause(-status)}"
    reason = _reason(lines)
    return f"{who} ended with exit code {status}" + (f": {reason}" if reason else " without any output")


def _reason(lines: Sequence[str]) -> str:
    """Return the last line that names an exception, else the last line that is not blank."""
    nonblank = [line.strip() for line in lines if line.strip()]
    named = [line for line in nonblank if _EXCEPTION.match(line)]
    reason = (named or nonblank or [""])[-1]
    return reason if len(reason) <= _LONGEST_REASON else reason[: _LONGEST_REASON - 1] + "…"


def _most_telling(*logs: list[str]) -> list[str]:
    """Return the first of the logs that names an exception, else the first that is not blank."""
    named = [log for log in logs if any(_EXCEPTION.match(_RANK_MARK.sub("", line)) for line in log)]
    nonblank = [log for log in logs if any(line.strip() for line in log)]
    return (named or nonblank or [[]])[0]


def _likely_cause(number: int) -> str:
    if number == signal.SIGKILL:
        return "; the usual cause is that the machine ran out of memory"
    if number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL):
        return "; native code crashed, see its log"
    return ""


def signal_name(number: int) -> str:
    """Return `SIGKILL`, or `signal 200` for a signal without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _before_torchrun_report(lines: list[str]) -> list[str]:
    """Return the ranks' output in the launcher's log: the lines before torchrun's own report."""
    for index, line in enumerate(lines):
        if _TORCHRUN_LINE.match(line) and "failed (exitcode" in line:
            return lines[:index] or lines
    return lines


def _last_lines(path: Path, count: int = 400) -> list[str]:
    tail = LogTail(path, last_lines=count)
    lines = tail.poll()
    while not tail.drained:
        lines += tail.poll()
    return lines + tail.flush()
