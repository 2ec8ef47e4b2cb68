"""The card itself: a cause, a sentence, where it happened and what to do next."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from engine.contract.sanitize import sanitize_within


class Cause(str, Enum):
    """Why a run died; the values stand in exit.json and in `--json`."""

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
    Cause.NO_NUMBER: "loss is no number",
    Cause.DATA: "data error",
    Cause.RENDEZVOUS: "ranks did not meet",
    Cause.SUPERVISOR_LOST: "supervisor gone",
}


@dataclass(frozen=True, kw_only=True)
class Card:
    """Why a run died.

    rank: the first that failed, None where it was none of them. where: the last frame in the program's own code,
    `file:line in function`. excerpt: a few lines of its log, oldest first. steps: what to do next, best first.
    """

    cause: Cause
    sentence: str
    rank: int | None = None
    where: str | None = None
    excerpt: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The cause in a few words, for a column."""
        return TITLES.get(self.cause, self.cause.value.replace("_", " "))

    def as_json(self) -> dict[str, Any]:
        """The card as exit.json has it."""
        return {**asdict(self), "cause": str(self.cause)}


def card_from(value: dict[str, Any] | None) -> Card | None:
    """The card in an exit.json; None where there is none that can be read. A cause of a later version is `unknown`."""
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
