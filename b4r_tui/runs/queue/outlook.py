"""The outlook of a queue: a read-only view of its running runs, its queued runs in order, and why each waits."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from b4r_tui.common.machine import cpu_cores
from b4r_tui.runs.queue import gpus
from b4r_tui.runs.queue.decide import Active, Decision, decide
from b4r_tui.runs.queue.roster import RosterReader
from b4r_tui.runs.queue.slots import Machine
from b4r_tui.runs.queue.start_runner import is_runner_alive
from b4r_tui.runs.queue_settings import Settings, read_settings
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run, RunStore


@dataclass(frozen=True)
class Row:
    """A run of the queue. place: 1 starts next, 0 for running ones; cpus, gpus: slots it has or needs."""

    run: Run
    state: str
    place: int
    priority: float
    cpus: int
    gpus: int
    queued_at: float | None
    reason: str


@dataclass(frozen=True)
class Outlook:
    """The queue at one moment. cpus, gpus: of the machine. has_no_runner: there is work, but no runner."""

    settings: Settings
    cpus: int
    free_cpus: int
    gpus: int
    free_gpus: int
    rows: list[Row] = field(default_factory=list)
    has_no_runner: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the output of `queue --json`; times in unix seconds."""
        runs = [
            {
                "run_id": row.run.run_id,
                "experiment": row.run.experiment,
                "state": row.state,
                "place": row.place or None,
                "priority": row.priority,
                "cpus": row.cpus,
                "gpus": row.gpus,
                "queued_at": row.queued_at,
                "reason": row.reason or None,
            }
            for row in self.rows
        ]
        slots = {name: getattr(self, name) for name in ("cpus", "free_cpus", "gpus", "free_gpus")}
        return {**asdict(self.settings), "slots": slots, "runner": not self.has_no_runner, "runs": runs}


def look_ahead(store: RunStore, probe: gpus.Probe = gpus.probe) -> Outlook:
    """Return the queue as it is now, read from the run folders as a runner reads it."""
    settings, roster = read_settings(store.root), RosterReader(store).read()
    cpus, devices = settings.cpus or cpu_cores(), probe()
    free = Machine(cpus, devices)
    for active in roster.active:
        free.take(active.slots)
    machine = Machine(cpus, devices)
    decisions = decide(roster.waiting, roster.active, settings, machine)
    rows = [_active_row(active) for active in roster.active]
    rows += [_waiting_row(decision, place, machine) for place, decision in enumerate(decisions, 1)]
    has_no_runner = roster.has_work(settings) and not is_runner_alive(store.root)
    return Outlook(
        settings, cpus, max(0, free.free_cpus), len(devices), len(free.free_gpus), rows, has_no_runner
    )


def why_it_waits(store: RunStore, run: Run) -> str | None:
    """Return why a queued run has not started; None for a run in any other state."""
    if run.state is not RunState.QUEUED:
        return None
    return next((row.reason for row in look_ahead(store).rows if row.run.run_id == run.run_id), None)


def _active_row(active: Active) -> Row:
    run, slots, status = active.run, active.slots, active.run.status()
    queued_at = status.queued_at if status else None
    reason = "" if run.state is not RunState.QUEUED else "starting"
    return Row(run, run.state.value, 0, 0.0, slots.cpus, len(slots.gpus), queued_at, reason)


def _waiting_row(decision: Decision, place: int, machine: Machine) -> Row:
    waiting = decision.waiting
    status = waiting.run.status()
    return Row(
        waiting.run,
        RunState.QUEUED.value,
        place,
        waiting.place.priority,
        machine.cpus_for(waiting.needs),
        machine.gpus_for(waiting.needs),
        status.queued_at if status else None,
        decision.reason,
    )
