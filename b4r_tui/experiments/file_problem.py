"""Problems of an experiments file, each with its file, line, key and fix."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.contract.errors import B4RError, ExitCode
from engine.contract.sanitize import sanitize

KeyPath = tuple[str | int, ...]
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class FileProblem:
    """A problem of a file. line: from 1, None if no line is at fault; key: dotted, "" for the whole file."""

    path: Path
    line: int | None
    key: str
    sentence: str
    code: ExitCode = ExitCode.BAD_INPUT

    def __str__(self) -> str:
        place = str(self.path) if self.line is None else f"{self.path}:{self.line}"
        return sanitize(": ".join(part for part in (place, self.key, self.sentence) if part))


class ExperimentFileError(B4RError):
    """Raised for an experiments file that cannot be used; `problems`: at least one, ordered by line."""

    def __init__(self, problems: Sequence[FileProblem]) -> None:
        self.problems = sorted(problems, key=lambda problem: problem.line or 0)
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        wrong_input = any(problem.code is ExitCode.BAD_INPUT for problem in problems)
        code = ExitCode.BAD_INPUT if wrong_input else ExitCode.ENVIRONMENT
        super().__init__(f"{self.problems[0]}{more}", code)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def dotted(path: Sequence[str | int]) -> str:
    """Return a key path in TOML notation: `experiments."a.b".model`."""
    return ".".join(part if _BARE_KEY.fullmatch(part) else f'"{part}"' for part in map(str, path))
