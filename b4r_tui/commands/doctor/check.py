"""The result of one check of the machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Check:
    """The result of a check. fix: what to do, "" if the status is ok."""

    name: str
    status: Literal["ok", "warning", "problem"]
    details: str
    fix: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the check as `--json` prints it."""
        return {"name": self.name, "status": self.status, "found": self.details, "mend": self.fix}


def judged(name: str, details: str, good: bool, fix: str, required: bool = False) -> Check:
    """Return a check that is ok if `good`, else a warning, or a problem if it is required."""
    return Check(name, "ok" if good else "problem" if required else "warning", details, "" if good else fix)
