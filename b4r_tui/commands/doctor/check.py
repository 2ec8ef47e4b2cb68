"""One thing a doctor looked at."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Check:
    """name: what was looked at; found: what is there; mend: what to do, "" where all is well."""

    name: str
    status: Literal["ok", "warning", "problem"]
    found: str
    mend: str = ""

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return asdict(self)


def judged(name: str, found: str, good: bool, mend: str, grave: bool = False) -> Check:
    """A check that is ok if `good`, else a warning, or a problem if it is grave."""
    return Check(name, "ok" if good else "problem" if grave else "warning", found, "" if good else mend)
