"""What is being done with finished runs right now: at most one thing a run, told step by step."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """An action under way, of the run with this key. phase: "" until the program says one."""

    key: str
    action: str
    title: str
    phase: str = ""
    step: int = 0
    steps: int = 0

    @property
    def share(self) -> float | None:
        """How much of the phase is done, None where that is not known."""
        return self.step / self.steps if self.steps else None


class Cancelled(Exception):  # noqa: N818 (nothing went wrong)
    """Raised where a step is told and nobody waits for the result any more."""
