"""Decides which queued runs start now, and why each of the others waits: pure, for the runner and its viewers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from b4r_tui.runs.queue.slots import Machine, Needs, Slots
from b4r_tui.runs.queue_place import Place
from b4r_tui.runs.queue_settings import Settings
from b4r_tui.runs.store import Run

NEXT = "starts next"


@dataclass(frozen=True)
class Waiting:
    """A queued run. blocked: the run it waits for; unsatisfiable: why it can never start."""

    run: Run
    place: Place
    needs: Needs
    blocked: str | None = None
    unsatisfiable: str | None = None


@dataclass(frozen=True)
class Active:
    """A run that has its slots. is_remote: they are on a cluster."""

    run: Run
    slots: Slots
    is_remote: bool = False


@dataclass(frozen=True)
class Decision:
    """The decision on a queued run. slots: what it starts with now, None where it waits, for the reason."""

    waiting: Waiting
    slots: Slots | None
    reason: str


def decide(
    waiting: Iterable[Waiting], active: Iterable[Active], settings: Settings, machine: Machine
) -> list[Decision]:
    """Decide on each queued run. waiting: in the queue's order. machine: with everything free; slots are taken from it.

    A run that waits for slots reserves them; those behind it may start with what is left, so that no run starves.
    """
    counts = {True: 0, False: 0}
    for each in active:
        machine.take(each.slots)
        counts[each.is_remote] += 1
    return [_decided(each, counts, settings, machine) for each in waiting]


def _decided(each: Waiting, counts: dict[bool, int], settings: Settings, machine: Machine) -> Decision:
    is_remote = each.needs.is_remote
    reason = _hold_reason(each, settings) or _limit_reason(is_remote, counts[is_remote], settings)
    if reason:
        return Decision(each, None, reason)
    slots, reason = machine.fit(each.needs)
    if slots is None:
        machine.reserve(each.needs)
        return Decision(each, None, reason)
    machine.take(slots)
    counts[is_remote] += 1
    return Decision(each, slots, NEXT)


def _hold_reason(each: Waiting, settings: Settings) -> str | None:
    if settings.paused and not each.unsatisfiable:
        return "the queue is paused"
    if each.place.paused:
        return "paused"
    return each.unsatisfiable or each.blocked


def _limit_reason(is_remote: bool, running: int, settings: Settings) -> str | None:
    limit = settings.elsewhere if is_remote else settings.runs
    if limit is None or running < limit:
        return None
    kind = "remote run" if is_remote else "run"
    return f"waits for one of {limit} {kind}{'s' if limit > 1 else ''} to end (queue limit)"
