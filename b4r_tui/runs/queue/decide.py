"""Which of the waiting runs start now, and why each of the others waits. Pure: for the runner and for who looks."""

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
    """A queued run. blocked: what it comes after and has not finished yet; doomed: why it can never start."""

    run: Run
    place: Place
    needs: Needs
    blocked: str | None = None
    doomed: str | None = None


@dataclass(frozen=True)
class Active:
    """A run that has its slots. elsewhere: on a cluster."""

    run: Run
    slots: Slots
    elsewhere: bool = False


@dataclass(frozen=True)
class Decision:
    """slots: what the run starts with now; None where it waits, for the reason."""

    waiting: Waiting
    slots: Slots | None
    reason: str


def decide(
    waiting: Iterable[Waiting], active: Iterable[Active], settings: Settings, machine: Machine
) -> list[Decision]:
    """A decision for each waiting run. waiting: in the queue's order. machine: with everything free; it is used up.

    A run that waits for slots keeps them from those behind it, who may start with what is left: nobody starves.
    """
    counts = {True: 0, False: 0}
    for each in active:
        machine.take(each.slots)
        counts[each.elsewhere] += 1
    return [_decided(each, counts, settings, machine) for each in waiting]


def _decided(each: Waiting, counts: dict[bool, int], settings: Settings, machine: Machine) -> Decision:
    elsewhere = each.needs.elsewhere
    reason = _held(each, settings) or _limited(elsewhere, counts[elsewhere], settings)
    if reason:
        return Decision(each, None, reason)
    slots, reason = machine.fit(each.needs)
    if slots is None:
        machine.reserve(each.needs)
        return Decision(each, None, reason)
    machine.take(slots)
    counts[elsewhere] += 1
    return Decision(each, slots, NEXT)


def _held(each: Waiting, settings: Settings) -> str | None:
    if settings.paused and not each.doomed:
        return "the queue is paused"
    if each.place.paused:
        return "paused"
    return each.doomed or each.blocked


def _limited(elsewhere: bool, running: int, settings: Settings) -> str | None:
    limit = settings.elsewhere if elsewhere else settings.runs
    if limit is None or running < limit:
        return None
    return f"waits for one of {limit} run{'s' if limit > 1 else ''} to end (limit{' elsewhere' if elsewhere else ''})"
