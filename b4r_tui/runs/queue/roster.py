"""Reads which runs of a root wait, in which order and for what, and which are under way."""

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
    """waiting: in the order in which they start. active: those with a supervisor, starting or running.

    adoptable: lost ones that have a job on a cluster, which may go on.
    """

    waiting: tuple[Waiting, ...] = ()
    active: tuple[Active, ...] = ()
    adoptable: tuple[Run, ...] = ()

    def has_work(self, settings: Settings) -> bool:
        """Whether a runner has anything to wait for but a person's word."""
        ready = not settings.paused and any(not each.place.paused for each in self.waiting)
        return bool(self.active) or ready or any(each.doomed for each in self.waiting)


@dataclass
class RosterReader:
    """Reads rosters of a root again and again; what runs need is kept while they wait."""

    store: RunStore
    _needs: dict[Path, tuple[StatusRecord, Needs]] = field(default_factory=dict)

    def read(self) -> Roster:
        """The runs that have not ended, as they are now."""
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
        self._forget_but({run.dir for run, _, _ in queued})
        return Roster(tuple(self._waiting(*each) for each in queued), tuple(active), tuple(adoptable))

    def _forget_but(self, kept: set[Path]) -> None:
        for path in self._needs.keys() - kept:
            del self._needs[path]

    def _waiting(self, run: Run, status: StatusRecord, place: Place) -> Waiting:
        blocked, doomed = block(self.store.root, place.after)
        return Waiting(run, place, self._needs_of(run, status), blocked, doomed)

    def _needs_of(self, run: Run, status: StatusRecord) -> Needs:
        """Settings change only where the run is taken up anew, with another status."""
        known = self._needs.get(run.dir)
        if known is None or known[0].queued_at != status.queued_at:
            known = self._needs[run.dir] = (status, read_needs(run.dir, status.env))
        return known[1]


def active_of(run: Run, status: StatusRecord) -> Active:
    """A run that has its slots, which stand in its status; of a run elsewhere there are 0 CPU threads."""
    return Active(run, Slots(status.cpus or 0, status.gpus), status.cpus == 0)


def block(root: Path, after: tuple[str, ...]) -> tuple[str | None, str | None]:
    """What a run that comes after these waits for, and why it can never start; None where nothing."""
    waits = None
    for name in after:
        if not (root / name / run_folder.STATUS).exists():
            return None, f"{name}, after which it was to start, is gone"
        state = read_state(root / name)
        if state.ended and state is not RunState.FINISHED:
            return None, f"{name}, after which it was to start, {_became(state)}"
        if not state.ended:
            waits = waits or f"after {name}"
    return waits, None


def _became(state: RunState) -> str:
    return {RunState.LOST: "got lost", RunState.STOPPED: "was stopped"}.get(state, str(state))
