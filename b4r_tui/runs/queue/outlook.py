"""What the queue of a root looks like to one who looks: runs under way, waiting runs in order, and why each waits."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from b4r_tui.common.machine import cpu_cores
from b4r_tui.runs.queue import gpus
from b4r_tui.runs.queue.decide import Active, Decision, decide
from b4r_tui.runs.queue.roster import RosterReader
from b4r_tui.runs.queue.slots import Machine
from b4r_tui.runs.queue.start_runner import runner_lives
from b4r_tui.runs.queue_settings import Settings, read_settings
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run, RunStore


@dataclass(frozen=True)
class Row:
    """A run of the queue. place: 1 starts next, 0 for runs under way; cpus, gpus: slots it has or wants."""

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
    """The whole queue at one moment; cpus and gpus: all there are, and free ones."""

    settings: Settings
    cpus: int
    free_cpus: int
    gpus: int
    free_gpus: int
    rows: list[Row] = field(default_factory=list)
    stands_still: bool = False

    def as_json(self) -> dict[str, Any]:
        """For `queue --json`; times in unix seconds."""
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
        return {**asdict(self.settings), "slots": slots, "runner": not self.stands_still, "runs": runs}


def look_ahead(store: RunStore, probe: gpus.Probe = gpus.probe) -> Outlook:
    """The queue as it is now; it is read from the folders as a runner reads it. stands_still: work, but no runner."""
    settings, roster = read_settings(store.root), RosterReader(store).read()
    cpus, devices = settings.cpus or cpu_cores(), probe()
    free = Machine(cpus, devices)
    for active in roster.active:
        free.take(active.slots)
    machine = Machine(cpus, devices)
    decisions = decide(roster.waiting, roster.active, settings, machine)
    rows = [_active_row(active) for active in roster.active]
    rows += [_waiting_row(decision, place, machine) for place, decision in enumerate(decisions, 1)]
    stands_still = roster.has_work(settings) and not runner_lives(store.root)
    return Outlook(
        settings, cpus, max(0, free.free_cpus), len(devices), len(free.free_gpus), rows, stands_still
    )


def why_it_waits(store: RunStore, run: Run) -> str | None:
    """Why a queued run has not started; None for one that does not wait."""
    if run.state is not RunState.QUEUED:
        return None
    return next((row.reason for row in look_ahead(store).rows if row.run.run_id == run.run_id), None)


def _active_row(active: Active) -> Row:
    run, slots, status = active.run, active.slots, active.run.status()
    queued_at = status.queued_at if status else None
    begun = "" if run.state is not RunState.QUEUED else "starting"
    return Row(run, run.state.value, 0, 0.0, slots.cpus, len(slots.gpus), queued_at, begun)


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
