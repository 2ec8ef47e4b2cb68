"""Immutable values that the app shows: one snapshot of all runs, and one view per run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from b4r_tui.experiments.load import FileProblem
    from b4r_tui.runs.crash.card import Card
    from b4r_tui.runs.progress import RunProgress
    from b4r_tui.runs.state import RunState
    from b4r_tui.runs.store import ExitRecord, Run
    from engine.contract.config.experiment import Experiment


@dataclass(frozen=True)
class RunView:
    """A run at one moment.

    waits: what it waits for, in words. gpus: their names. load: their mean utilisation from 0 to 1, None if unknown.
    """

    run: Run
    state: RunState
    progress: RunProgress
    exit: ExitRecord | None = None
    card: Card | None = None
    waits: str | None = None
    gpus: tuple[str, ...] = ()
    load: float | None = None

    @property
    def key(self) -> str:
        """The key of this run in tables: its folder."""
        return str(self.run.dir)

    @cached_property
    def searched(self) -> str:
        """The text a filter searches, in lower case: experiment, id, state, cause, data set, mode and device."""
        started = self.progress.started
        of_data = [str(started.dataset.get("name", "")), started.mode, started.device] if started else []
        cause = self.card.title if self.card else ""
        return " ".join([self.run.experiment, self.run.run_id, self.state.value, cause, *of_data]).lower()


@dataclass(frozen=True)
class Snapshot:
    """Everything the main screen shows at one moment; runs are sorted newest first."""

    experiments: tuple[Experiment, ...] = ()
    problems: tuple[FileProblem, ...] = ()
    runs: tuple[RunView, ...] = ()

    def runs_of(self, experiment: str) -> tuple[RunView, ...]:
        """Return the runs of one experiment, newest first."""
        return tuple(view for view in self.runs if view.run.experiment == experiment)

    def active(self) -> tuple[RunView, ...]:
        """Return the runs that have not ended."""
        return tuple(view for view in self.runs if not view.state.ended)
