"""The crash card: a cause, a sentence, where it happened and what to do next."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from engine.contract.sanitize import sanitize_within


class Cause(str, Enum):
    """Why a run died; the values appear in exit.json and in `--json`."""

    OUT_OF_MEMORY = "out_of_memory"
    OUT_OF_GPU_MEMORY = "out_of_gpu_memory"
    SHARED_MEMORY = "shared_memory"
    DISK_FULL = "disk_full"
    NO_NUMBER = "loss_no_number"
    DATA = "data"
    SETTINGS = "settings"
    RENDEZVOUS = "rendezvous"
    PORT_TAKEN = "port_taken"
    ENVIRONMENT = "environment"
    NATIVE_CRASH = "native_crash"
    KILLED = "killed"
    TIME_LIMIT = "time_limit"
    SUPERVISOR_LOST = "supervisor_lost"
    EXCEPTION = "exception"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return str(self.value)


TITLES = {
    Cause.OUT_OF_GPU_MEMORY: "out of GPU memory",
    Cause.NO_NUMBER: "loss is not a number",
    Cause.DATA: "data error",
    Cause.RENDEZVOUS: "rendezvous failed",
    Cause.SUPERVISOR_LOST: "supervisor lost",
}


@dataclass(frozen=True, kw_only=True)
class Card:
    """The explanation of a run's death.

    rank: the first that failed, None where no rank did. where: the last frame in the program's own code,
    `file:line in function`. excerpt: a few lines of its log, oldest first. steps: what to do, best first.
    """

    cause: Cause
    sentence: str
    rank: int | None = None
    where: str | None = None
    excerpt: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Return the cause in a few words, for a column."""
        return TITLES.get(self.cause, self.cause.value.replace("_", " "))

    def as_json(self) -> dict[str, Any]:
        """Return the card as exit.json stores it."""
        return {**asdict(self), "cause": str(self.cause)}


def card_from(value: dict[str, Any] | None) -> Card | None:
    """Return the card of an exit.json, None if it has no readable one; a cause of a later version is `unknown`."""
    if not isinstance(value, dict) or not isinstance(value.get("sentence"), str):
        return None
    value = sanitize_within(value)
    known = {str(cause): cause for cause in Cause}
    return Card(
        cause=known.get(str(value.get("cause")), Cause.UNKNOWN),
        sentence=value["sentence"],
        rank=value.get("rank"),
        where=value.get("where"),
        excerpt=tuple(map(str, value.get("excerpt") or ())),
        steps=tuple(map(str, value.get("steps") or ())),
    )
