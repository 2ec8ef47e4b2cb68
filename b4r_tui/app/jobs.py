"""Engine programs that run on finished runs right now: at most one per run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """A program that works on the run with this key. phase: empty until the program reports one."""

    key: str
    program: str
    title: str
    phase: str = ""
    step: int = 0
    steps: int = 0

    @property
    def share(self) -> float | None:
        """Fraction of the phase that is done, None if unknown."""
        return self.step / self.steps if self.steps else None


class Cancelled(Exception):  # noqa: N818 (nothing went wrong)
    """Raised from a progress callback when the result is not needed any more."""
