"""Shows an active sweep: the displays of its runs, with the best point so far."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.console import Console, Group
from rich.text import Text

from b4r_tui.common.format import decimal
from b4r_tui.experiments.sweep_points import Sweep
from b4r_tui.reports.live import Display, JsonLines, Lines, LiveTable
from b4r_tui.runs.progress import RunWatch
from b4r_tui.sweeps.driver import Driver
from b4r_tui.sweeps.ranking import best_of, objective
from b4r_tui.sweeps.trial import Trial
from engine.contract.config.experiment import Experiment


class SweepTable(LiveTable):
    """The live table, with the progress of the sweep below."""

    def __init__(self, console: Console) -> None:
        self._rows: list[RunWatch] = []
        self._settings: list[Experiment] = []
        self.line = ""
        super().__init__(self._rows, self._settings, console)

    def take(self, rows: Sequence[tuple[RunWatch, Experiment]]) -> None:
        """Show these runs from now on."""
        self._rows[:] = [watch for watch, _ in rows]
        self._settings[:] = [experiment for _, experiment in rows]

    def _table(self) -> Group:
        below = Text(self.line, style="bold")
        return Group(super()._table(), below) if self._rows else Group(below)


class SweepView:
    """Shows on a display what the driver did, and each new best point."""

    def __init__(self, sweep: Sweep, driver: Driver, console: Console, as_json: bool) -> None:
        self._sweep, self._driver, self._console = sweep, driver, console
        self._names: dict[str, str] = {}
        self._best: Trial | None = None
        live = console.is_terminal and not console.is_dumb_terminal and not as_json
        self._table = SweepTable(console) if live else None
        self.display: Display = self._table or (
            JsonLines(console) if as_json else Lines(self._names, console)
        )
        self._as_json = as_json

    def update(self, changed: Sequence[RunWatch]) -> None:
        """Show what is new."""
        rows = [
            (watch, trial.point.experiments[0]) for trial in self._driver.trials for watch in trial.watches
        ]
        self._names |= {watch.run.run_id: watch.run.experiment for watch, _ in rows}
        best = best_of(self._sweep, self._driver.trials)
        if self._table:
            self._table.take(rows)
            self._table.line = self._progress(best)
        self.display.update(changed)
        if best is not None and best is not self._best and not self._table:
            self._print(best)
        self._best = best

    def _progress(self, best: Trial | None) -> str:
        over = sum(trial.over for trial in self._driver.trials)
        done = f"{over} of {self._sweep.count} points"
        return done + (f", best so far {_described(self._sweep, best)}" if best else "")

    def _print(self, best: Trial) -> None:
        line = f"best so far: {_described(self._sweep, best)}"
        if self._as_json:
            event = {"type": "sweep_best", "point": best.point.name, "values": best.point.values}
            line = json.dumps({**event, "value": best.value})
        self._console.file.write(line + "\n")
        self._console.file.flush()


def _described(sweep: Sweep, best: Trial) -> str:
    return f"{best.point.name}, {decimal(best.value)} {objective(sweep, best)}"
