"""Saves a run so that it can go on as if it had never stopped, and takes it up again."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from engine.contract import run_folder
from engine.contract.errors import B4RError
from engine.contract.events import Epoch, RunResumed, RunStarted, Warn, read_events
from engine.runtime.best_epoch import Selection
from engine.runtime.checkpoints.resumable import LastCheckpoint
from engine.training.preemption import Pauses, Stopped
from engine.training.train_state import Position

if TYPE_CHECKING:
    from engine.runtime.run import Run

VERSION = 1


@dataclass
class Restart:
    """What the loop calls: `restore` once, `pause` between steps, `epoch_done` after each epoch.

    global_batch: sequences a step on all ranks together, which stays as it is for a run's whole life.
    """

    run: Run
    selection: Selection
    global_batch: int

    def __post_init__(self) -> None:
        run = self.run
        self.pauses = Pauses(run.experiment.training.checkpoint_minutes, run.group.is_first)
        self._last = LastCheckpoint(run.checkpoints.folder, run.group)

    # going on ----------------------------------------------------------------------------------

    def restore(self) -> Position:
        """Take over what was saved last: where to go on. A run that never was saved begins at the start.

        A collective. Raises B4RError where data, model or global batch are not those of the checkpoint.
        """
        facts = self._last.facts()
        position = self._take(facts) if facts else Position()
        run = self.run
        if run.group.is_first:
            run.checkpoints.go_back_to(position.epoch, self.selection)
            self._tell(position, facts)
        return position

    def _take(self, facts: dict[str, Any]) -> Position:
        self._check(facts)
        self._fill(facts)
        self.selection.restore(facts["selection"])
        self.run.report.started -= facts["run_seconds"]
        return Position(**facts["position"])

    def _check(self, facts: dict[str, Any]) -> None:
        path, run = self._last.path, self.run
        if facts["split_fingerprint"] != run.dataset.split_fingerprint:
            raise B4RError(f"{path}: the data are not those it was trained on; launch the experiment anew")
        if facts["global_batch"] != self.global_batch:
            raise B4RError(
                f"training.train_batch_size: {run.group.world_size} ranks make steps of {self.global_batch} "
                f"sequences, but the run has made steps of {facts['global_batch']}; use "
                "`b4r-tui resume --j`, which keeps them"
            )

    def _fill(self, facts: dict[str, Any]) -> None:
        """Weights and optimiser states; what has no counterpart in the checkpoint starts anew, and says so."""
        run = self.run
        missing = self._last.load_into(run.model.state_for_resume())
        if any(name.startswith("model.") for name in missing):
            raise B4RError(
                f"{self._last.path}: is of another model ({missing[0]}); launch the experiment anew"
            )
        lost = [
            name for name in run.model.state() if any(m.startswith(f"optimiser.{name}.") for m in missing)
        ]
        if lost:
            mode, ranks = run.experiment.launch.mode, run.group.world_size
            message = (
                f"from {facts['mode']} on {facts['world_size']} to {mode} on {ranks} ranks the optimiser state of "
                f"{', '.join(lost)} starts anew; all else is kept"
            )
            run.report.event(Warn(code="optimiser_anew", message=message))

    def _tell(self, position: Position, facts: dict[str, Any] | None) -> None:
        """Report the epoch whose event a kill swallowed, and where an earlier attempt is taken up."""
        run = self.run
        events = [record.event for record in read_events(run.checkpoints.run_dir / run_folder.EVENTS)]
        told = {event.epoch for event in events if isinstance(event, Epoch)}
        done = facts["epoch_event"] if facts else None
        if done and done["epoch"] not in told:
            run.report.event(Epoch(**done))
        if (
            facts or sum(isinstance(event, RunStarted) for event in events) > 1
        ):  # either may be torn or missing
            run.report.event(
                RunResumed(
                    epoch=position.epoch,
                    step=position.step,
                    world_size=run.group.world_size,
                    mode=run.experiment.launch.mode,
                )
            )

    # saving ------------------------------------------------------------------------------------

    def pause(self, epoch: int, step: int, loss: float, targets: int, since: float) -> None:
        """Save between two steps, as the ranks agreed. step: the next one; since: the epoch's start.

        loss, targets: this rank's sums over the epoch so far. A collective. Raises Stopped if a stop was asked for.
        """
        group = self.run.group
        mine = [loss, float(targets)]
        flat = group.sum(
            [x for rank in range(group.world_size) for x in (mine if rank == group.rank else [0.0, 0.0])]
        )
        sums = [flat[place : place + 2] for place in range(0, len(flat), 2)]
        self._save(Position(epoch, step, sums, time.monotonic() - since))
        if self.pauses.stop:
            raise Stopped

    def epoch_done(self, event: Epoch) -> None:
        """Save after an epoch, before its event is told: told or not, it then is told once. A collective."""
        self._save(Position(event.epoch + 1), asdict(event))

    def stop_if_asked(self) -> None:
        """Raise Stopped, on all ranks, where a stop was asked for since the last step. A collective."""
        self.pauses.hear(*self.run.group.sum(self.pauses.votes()))
        if self.pauses.stop:
            raise Stopped

    def _save(self, position: Position, epoch_event: dict[str, Any] | None = None) -> None:
        run = self.run
        facts = {
            "v": VERSION,
            "position": asdict(position),
            "selection": self.selection.state(),
            "epoch_event": epoch_event,
            "global_batch": self.global_batch,
            "world_size": run.group.world_size,
            "mode": run.experiment.launch.mode,
            "split_fingerprint": run.dataset.split_fingerprint,
            "run_seconds": run.report.seconds,
        }
        self._last.save(run.model.state_for_resume(), facts)
        self.pauses.saved()
