"""Saves a run so that it can resume as if it had never stopped, and restores it."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from engine.contract import run_folder
from engine.contract.errors import B4RError
from engine.contract.events import Epoch, Event, RunResumed, RunStarted, Warn, read_events
from engine.runtime.best_epoch import EpochSelection
from engine.runtime.checkpoints.resumable import ResumableCheckpoint
from engine.runtime.run import RunContext
from engine.training.preemption import Preemption, Stopped
from engine.training.train_state import TrainState

VERSION = 1


@dataclass
class Resumer:
    """What the trainer calls: `restore` once, `save_between_steps`, and `save_epoch` after each epoch.

    global_batch: sequences per step on all ranks together, which never changes during a run.
    """

    run: RunContext
    selection: EpochSelection
    global_batch: int

    def __post_init__(self) -> None:
        run = self.run
        self.preemption = Preemption(run.experiment.training.checkpoint_minutes, run.group.is_first)
        self._checkpoint = ResumableCheckpoint(run.checkpoints.folder, run.group)

    # restoring ---------------------------------------------------------------------------------

    def restore(self) -> TrainState:
        """Load the last checkpoint and return where to resume; a run that was never saved starts at the beginning.

        A collective. Raises B4RError if data, model or global batch differ from the checkpoint's.
        """
        facts = self._checkpoint.facts()
        state = self._load(facts) if facts else TrainState()
        run = self.run
        if run.group.is_first:
            run.checkpoints.roll_back_to(state.epoch, self.selection)
            self._report(state, facts)
        return state

    def _load(self, facts: dict[str, Any]) -> TrainState:
        self._check(facts)
        self._load_tensors(facts)
        self.selection.restore(facts["selection"])
        self.run.report.started -= facts["run_seconds"]
        return TrainState(**facts["position"])

    def _check(self, facts: dict[str, Any]) -> None:
        path, run = self._checkpoint.path, self.run
        if facts["split_fingerprint"] != run.dataset.split_fingerprint:
            raise B4RError(f"{path}: was trained on other data; launch the experiment as a new run")
        if facts["global_batch"] != self.global_batch:
            raise B4RError(
                f"training.train_batch_size: {run.group.world_size} ranks make steps of {self.global_batch} "
                f"sequences, but the run was trained with steps of {facts['global_batch']}; use "
                "`b4r-tui resume --j`, which keeps them"
            )

    def _load_tensors(self, facts: dict[str, Any]) -> None:
        """Load weights and optimiser states; warn of states that the checkpoint lacks and that start from scratch."""
        run = self.run
        missing = self._checkpoint.load_into(run.model.state_for_resume())
        if any(name.startswith("model.") for name in missing):
            raise B4RError(
                f"{self._checkpoint.path}: is of another model ({missing[0]}); launch the experiment as a new run"
            )
        lost = [
            name for name in run.model.state() if any(m.startswith(f"optimiser.{name}.") for m in missing)
        ]
        if lost:
            mode, ranks = run.experiment.launch.mode, run.group.world_size
            message = (
                f"changing from {facts['mode']} on {facts['world_size']} to {mode} on {ranks} ranks resets the "
                f"optimiser state of {', '.join(lost)}; everything else is restored"
            )
            run.report.event(Warn(code="optimiser_anew", message=message))

    def _report(self, state: TrainState, facts: dict[str, Any] | None) -> None:
        """Report the epoch whose event was lost in a kill, and where an earlier attempt is resumed."""
        run = self.run
        events = [record.event for record in read_events(run.checkpoints.run_dir / run_folder.EVENTS)]
        done = facts["epoch_event"] if facts else None
        if done and done["epoch"] not in {event.epoch for event in events if isinstance(event, Epoch)}:
            run.report.event(Epoch(**done))
        if facts or _has_earlier_attempt(events):  # either may be torn or missing
            run.report.event(
                RunResumed(
                    epoch=state.epoch,
                    step=state.step,
                    world_size=run.group.world_size,
                    mode=run.experiment.launch.mode,
                )
            )

    # saving ------------------------------------------------------------------------------------

    def save_between_steps(self, epoch: int, step: int, loss: float, targets: int, since: float) -> None:
        """Save in the middle of an epoch, as the ranks agreed. A collective. Raises Stopped if a stop was requested.

        step: the next one. since: when the epoch began. loss, targets: this rank's sums over the epoch so far.
        """
        group = self.run.group
        mine = [loss, float(targets)]
        flat = group.sum(
            [x for rank in range(group.world_size) for x in (mine if rank == group.rank else [0.0, 0.0])]
        )
        sums = [flat[place : place + 2] for place in range(0, len(flat), 2)]
        self._save(TrainState(epoch, step, sums, time.monotonic() - since))
        if self.preemption.stop:
            raise Stopped

    def save_epoch(self, event: Epoch) -> None:
        """Save after an epoch, before its event is written: a kill in between then neither loses nor repeats it.

        A collective.
        """
        self._save(TrainState(event.epoch + 1), asdict(event))

    def stop_if_requested(self) -> None:
        """Raise Stopped, on all ranks, if a stop was requested since the last step. A collective."""
        self.preemption.count(*self.run.group.sum(self.preemption.votes()))
        if self.preemption.stop:
            raise Stopped

    def _save(self, state: TrainState, epoch_event: dict[str, Any] | None = None) -> None:
        run = self.run
        facts = {
            "v": VERSION,
            "position": asdict(state),
            "selection": self.selection.state(),
            "epoch_event": epoch_event,
            "global_batch": self.global_batch,
            "world_size": run.group.world_size,
            "mode": run.experiment.launch.mode,
            "split_fingerprint": run.dataset.split_fingerprint,
            "run_seconds": run.report.seconds,
        }
        self._checkpoint.save(run.model.state_for_resume(), facts)
        self.preemption.note_saved()


def _has_earlier_attempt(events: list[Event]) -> bool:
    """Return whether another attempt than this one, which has reported its start, wrote to the events."""
    return sum(isinstance(event, RunStarted) for event in events) > 1
