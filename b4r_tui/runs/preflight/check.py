"""One finding of the pre-flight: a setting, a sentence with the fix, and whether it stops the launch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.contract.errors import ExitCode


@dataclass(frozen=True)
class Check:
    """A wrong or doubtful setting. code: the exit code of the refused launch, None for a mere warning."""

    key: str
    sentence: str
    code: ExitCode | None = None

    @property
    def status(self) -> Literal["warning", "problem"]:
        """Return how serious it is, in the words of `b4r-tui doctor`."""
        return "warning" if self.code is None else "problem"


def in_gb(count: float) -> str:
    """Return a number of bytes as text, in GB."""
    return f"{count / 1e9:.3g} GB"
