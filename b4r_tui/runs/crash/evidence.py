"""Gathers what is known about a dead run, once, so that each cause is a plain question to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from b4r_tui.runs.crash.diagnosis import Failure, diagnose
from b4r_tui.runs.crash.kernel import Kills, kills, victims
from b4r_tui.runs.crash.traceback import is_echo
from b4r_tui.runs.store import Run
from engine.contract import run_folder
from engine.contract.atomic_files import read_json
from engine.contract.config.experiment import Experiment
from engine.contract.events import RunFailed

ERROR_FILE = "error.json"  # in logs/: torchrun's record of the first failure, if there is one


@dataclass(frozen=True)
class Evidence:
    """The facts about a dead run. oom: whether the kernel's out-of-memory killer struck meanwhile, None if unknown.

    last_output: error, traceback and last log lines of the rank that failed first; launcher: torchrun's last lines.
    """

    failure: Failure
    experiment: Experiment | None = None
    error: str | None = None
    last_output: str = ""
    launcher: str = ""
    oom: bool | None = None
    places: dict[str, str] = field(default_factory=dict)

    @property
    def rank(self) -> int | None:
        """Return the rank that failed first."""
        return self.failure.rank

    @property
    def sentence(self) -> str:
        """Return the error that the rank reported, else a description of its end."""
        return self.error or self.failure.sentence

    def first_match(self, pattern: re.Pattern[str]) -> str | None:
        """Return the first matching line of the failing rank, else of torchrun."""
        for text in (self.last_output, self.launcher):
            if match := pattern.search(text):
                start, end = text.rfind("\n", 0, match.start()) + 1, text.find("\n", match.end())
                return text[start : end if end >= 0 else None].strip()
        return None


def gather(
    run: Run,
    returncode: int,
    reported: Sequence[RunFailed],
    before: Kills | None,
    experiment: Experiment | None,
) -> Evidence:
    """Gather the evidence of a run whose torchrun ended with `returncode`.

    reported: failures in its events; one that is an echo, of a rank that saw another die, is ignored. before: the
    kernel's counters at its start, None where they were not read.
    """
    origin = next((each for each in reported if not is_echo(each.error)), None)
    failure = diagnose(run, returncode, origin.rank if origin else None)
    if origin is not None:
        failure = replace(failure, rank=origin.rank, traceback=origin.traceback or failure.traceback)
    message = _of_error_file(run.dir / run_folder.LOGS / ERROR_FILE)
    return Evidence(
        failure,
        experiment,
        error=origin.error if origin else None,
        last_output="\n".join(
            part for part in (origin.error if origin else "", failure.traceback, message) if part
        ),
        launcher="\n".join(failure.launcher),
        oom=_oom(failure, before),
        places={
            "root": str(run.dir.parent.parent),
            "run": f"{run.experiment}/{run.run_id}",
            "id": run.run_id,
        },
    )


def _oom(failure: Failure, before: Kills | None) -> bool | None:
    if failure.signal is None:
        return None
    if failure.pid is not None and failure.pid in victims():
        return True
    return None if before is None else kills().more_than(before)


def _of_error_file(path: Path) -> str:
    """Return the content of torchrun's error file: a message, or a message with a call stack."""
    message: Any = (read_json(path) or {}).get("message")
    if isinstance(message, dict):
        extra = message.get("extraInfo")
        stack = extra.get("py_callstack") if isinstance(extra, dict) else None
        return "\n".join(str(part) for part in (stack, message.get("message")) if part)
    return str(message or "")
