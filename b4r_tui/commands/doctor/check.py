"""The result of one check of the machine."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Check:
    """The result of a check. found: the details. mend: the fix, "" if the status is ok. Both are keys of `--json`."""

    name: str
    status: Literal["ok", "warning", "problem"]
    found: str
    mend: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the check as `--json` prints it."""
        return asdict(self)


def judged(name: str, found: str, good: bool, fix: str, required: bool = False) -> Check:
    """Return a check that is ok if `good`, else a warning, or a problem if it is required."""
    return Check(name, "ok" if good else "problem" if required else "warning", found, "" if good else fix)
