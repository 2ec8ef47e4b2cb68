"""Reads the roster of a root: its queued runs, in order and with what they wait for, and its active runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from b4r_tui.runs.locks import is_held
from b4r_tui.runs.queue.decide import Active, Waiting
from b4r_tui.runs.queue.slots import Needs, Slots, read_needs
from b4r_tui.runs.queue_place import Place, read_place, sort_key
from b4r_tui.runs.queue_settings import Settings
from b4r_tui.runs.records import StatusRecord
from b4r_tui.runs.state import RunState, read_state
from b4r_tui.runs.store import Run, RunStore
from engine.contract import run_folder


@dataclass(frozen=True)
class Roster:
    """The unfinished runs. waiting: in starting order. active: those with a supervisor, starting or running.

    adoptable: lost ones with a job on a cluster, which may still run.
    """

    waiting: tuple[Waiting, ...] = ()
    active: tuple[Active, ...] = ()
    adoptable: tuple[Run, ...] = ()

    def has_work(self, settings: Settings) -> bool:
        """Return whether a runner has anything to do before the user resumes something."""
        ready = not settings.paused and any(not each.place.paused for each in self.waiting)
        return bool(self.active) or ready or any(each.unsatisfiable for each in self.waiting)


@dataclass
class RosterReader:
    """Reads rosters of a root repeatedly, and caches what runs need while they wait."""

    store: RunStore
    _needs: dict[Path, tuple[StatusRecord, Needs]] = field(default_factory=dict)

    def read(self) -> Roster:
        """Return the runs that have not ended."""
        active, queued, adoptable = [], [], []
        for run in self.store.runs():
            if (run.dir / run_folder.EXIT).exists():
                continue
            state, status = read_state(run.dir), run.status()
            if status is None or state.ended:
                if status is not None and status.job and state is RunState.LOST:
                    adoptable.append(run)
                continue
            if state is RunState.RUNNING or is_held(run.dir / run_folder.LOCK):
                active.append(active_of(run, status))
            else:
                queued.append((run, status, read_place(run.dir)))
        queued.sort(key=lambda each: sort_key(each[2], each[1]))
        self._forget_all_but({run.dir for run, _, _ in queued})
        return Roster(tuple(self._waiting(*each) for each in queued), tuple(active), tuple(adoptable))

    def _forget_all_but(self, kept: set[Path]) -> None:
        for path in self._needs.keys() - kept:
            del self._needs[path]

    def _waiting(self, run: Run, status: StatusRecord, place: Place) -> Waiting:
        blocked, unsatisfiable = block(self.store.root, place.after)
        return Waiting(run, place, self._needs_of(run, status), blocked, unsatisfiable)

    def _needs_of(self, run: Run, status: StatusRecord) -> Needs:
        """Return the run's needs; they change only when it is queued again, with another status."""
        known = self._needs.get(run.dir)
        if known is None or known[0].queued_at != status.queued_at:
            known = self._needs[run.dir] = (status, read_needs(run.dir, status.env))
        return known[1]


def active_of(run: Run, status: StatusRecord) -> Active:
    """Return a run with the slots in its status; a remote run has 0 CPU threads."""
    return Active(run, Slots(status.cpus or 0, status.gpus), status.cpus == 0)


def block(root: Path, after: tuple[str, ...]) -> tuple[str | None, str | None]:
    """Return what a run with these predecessors waits for, and why it can never start; None where nothing."""
    waits = None
    for name in after:
        if not (root / name / run_folder.STATUS).exists():
            return None, f"{name}, which must finish first, was deleted"
        state = read_state(root / name)
        if state.ended and state is not RunState.FINISHED:
            return None, f"{name}, which must finish first, {_end_of(state)}"
        if not state.ended:
            waits = waits or f"after {name}"
    return waits, None


def _end_of(state: RunState) -> str:
    return {RunState.LOST: "was lost", RunState.STOPPED: "was stopped"}.get(state, str(state))
