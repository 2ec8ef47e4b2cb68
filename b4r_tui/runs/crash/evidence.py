"""What is known of a dead run: gathered once, so that each cause is a plain question to it."""

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

ERROR_FILE = (
    "error.json"  # in logs/: what torchrun writes of the first failure, if its rank or it itself told any
)


@dataclass(frozen=True)
class Evidence:
    """What is known. oom: whether the kernel's killer struck meanwhile, None where it does not tell.

    last_words: error, traceback and last log lines of the rank that failed first; launcher: torchrun's last lines.
    """

    failure: Failure
    experiment: Experiment | None = None
    error: str | None = None
    last_words: str = ""
    launcher: str = ""
    oom: bool | None = None
    places: dict[str, str] = field(default_factory=dict)

    @property
    def rank(self) -> int | None:
        """The rank that failed first."""
        return self.failure.rank

    @property
    def sentence(self) -> str:
        """What the rank said of its failure, else what its end looks like."""
        return self.error or self.failure.sentence

    def says(self, pattern: re.Pattern[str]) -> str | None:
        """The first line that matches, of the failing rank if it has one, else of torchrun."""
        for text in (self.last_words, self.launcher):
            if match := pattern.search(text):
                start, end = text.rfind("\n", 0, match.start()) + 1, text.find("\n", match.end())
                return text[start : end if end >= 0 else None].strip()
        return None


def gather(
    run: Run, returncode: int, told: Sequence[RunFailed], before: Kills | None, experiment: Experiment | None
) -> Evidence:
    """All evidence of a run whose torchrun ended with `returncode`.

    told: failures its events tell of; an echo among them, of a rank that saw another die, is no evidence. before:
    the kernel's counters at its start, None where nobody looked.
    """
    spoken = next((each for each in told if not is_echo(each.error)), None)
    failure = diagnose(run, returncode, spoken.rank if spoken else None)
    if spoken is not None:
        failure = replace(failure, rank=spoken.rank, traceback=spoken.traceback or failure.traceback)
    message = _of_error_file(run.dir / run_folder.LOGS / ERROR_FILE)
    return Evidence(
        failure,
        experiment,
        error=spoken.error if spoken else None,
        last_words="\n".join(
            part for part in (spoken.error if spoken else "", failure.traceback, message) if part
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
    """What torchrun's error file says: a message, or a message with a call stack."""
    found: Any = (read_json(path) or {}).get("message")
    if isinstance(found, dict):
        extra = found.get("extraInfo")
        stack = extra.get("py_callstack") if isinstance(extra, dict) else None
        return "\n".join(str(part) for part in (stack, found.get("message")) if part)
    return str(found or "")
