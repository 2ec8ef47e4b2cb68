"""`b4r-tui sweep FILE --only NAME`: drives a sweep to its end and, run again, goes on where it stopped."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from b4r_tui.commands.interrupts import Interrupts
from b4r_tui.commands.stopping import say, stop_all
from b4r_tui.common.format import decimal, plural
from b4r_tui.experiments.load import load_experiments
from b4r_tui.experiments.sweep_points import Sweep
from b4r_tui.reports.live_sweep import SweepView
from b4r_tui.reports.sweep import ranking_table
from b4r_tui.reports.table import console as make_console
from b4r_tui.reports.table import show
from b4r_tui.runs.locks import try_hold
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import RunStore
from b4r_tui.sweeps.budget import Budget
from b4r_tui.sweeps.driver import Driver
from b4r_tui.sweeps.optuna_search import OptunaSearch
from b4r_tui.sweeps.preview import preview
from b4r_tui.sweeps.ranking import as_json, as_toml, best_of, boards_of, tested
from b4r_tui.sweeps.search import PlannedSearch, Search
from engine.contract.errors import B4RError, ExitCode

POLL_SECONDS = 0.25
FOLDER = ".sweeps"  # in the runs root: what searches remember, and locks


@dataclass(frozen=True)
class SweepRequest:
    """What was asked for. only: the sweep, needed where the file has several."""

    file: Path
    only: str | None = None
    dry_run: bool = False
    retry: bool = False
    as_json: bool = False


def sweep_file(request: SweepRequest, root: Path) -> ExitCode:
    """Drive the sweep; 0 if no point failed, 1 if one did, 130 if interrupted. Raises B4RError."""
    sweep, store = find_sweep(request.file, request.only), RunStore(root)
    if request.dry_run:
        found = preview(sweep, store)
        line = json.dumps({"runs": found.runs, "there": found.there, "seconds": found.seconds})
        sys.stdout.write((line if request.as_json else f"{sweep.plan.name}: {found.sentence}") + "\n")
        return ExitCode.OK
    console = make_console()
    with _driven_by_us(root, sweep.plan.name) as folder, Interrupts() as interrupts:
        search = _search(sweep, folder, request.retry)
        options = sweep.plan.options
        driver = Driver(store, search, Budget(options.budget_seconds, options.budget_runs), request.retry)
        view = SweepView(sweep, driver, console, request.as_json)
        with view.display:
            stopped = _drive(driver, view, lambda: interrupts.count)
    _report(sweep, driver, console, request.as_json)
    if stopped:
        return ExitCode.INTERRUPTED
    failed = any(trial.state in (RunState.FAILED.value, RunState.LOST.value) for trial in driver.trials)
    return ExitCode.RUN_FAILED if failed else ExitCode.OK


def find_sweep(file: Path, only: str | None) -> Sweep:
    """The sweep of that name, or the only one of the file. Raises B4RError."""
    sweeps = load_experiments(file, [only] if only else []).sweeps
    if only is not None and only not in sweeps:
        raise B4RError(
            f"{file}: '{only}' has no sweep; write [experiments.{only}.sweep], or start it with --run"
        )
    if not sweeps:
        raise B4RError(f"{file}: has no sweep; write [experiments.NAME.sweep], or start it with --run")
    if len(sweeps) > 1:
        raise B4RError(f"{file}: has {len(sweeps)} sweeps; choose one with --only: {', '.join(sweeps)}")
    return next(iter(sweeps.values()))


def _search(sweep: Sweep, folder: Path, retry: bool) -> Search:
    if sweep.plan.options.method == "optuna":
        return OptunaSearch(sweep, folder, retry)
    return PlannedSearch(sweep.points)


@contextmanager
def _driven_by_us(root: Path, name: str) -> Iterator[Path]:
    """Within the block nobody else drives the sweep; the folder for what a search remembers."""
    folder = root.absolute() / FOLDER
    try:
        root.absolute().mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        lock = try_hold(folder / f"{name}.lock")
    except OSError as error:
        raise B4RError(
            f"{error.filename}: {error.strerror or error}; choose another folder with --runs",
            ExitCode.ENVIRONMENT,
        ) from error
    if lock is None:
        raise B4RError(f"{name}: someone drives this sweep already; wait for its end, or use another --runs")
    try:
        yield folder
    finally:
        os.close(lock)


def _drive(driver: Driver, view: SweepView, interrupts: Callable[[], int]) -> bool:
    """Drive to the end, or until interrupted: then stop the runs. Whether it was interrupted."""
    view.update(driver.watches)
    while not driver.done:
        view.update(driver.step())
        if interrupts() and not driver.done:
            going = [watch for watch in driver.watches if not watch.state.ended]
            stop_all(going, lambda: interrupts() > 1)
            say("run the same command again to go on where it stopped")
            view.update([watch for watch in going if watch.poll()])
            return True
        if not driver.done:
            time.sleep(POLL_SECONDS)
    return False


def _report(sweep: Sweep, driver: Driver, console: Console, json_wanted: bool) -> None:
    best = best_of(sweep, driver.trials)
    if json_wanted:
        line = as_json(sweep, driver.trials, best) | {
            "kept_runs": driver.reused_runs,
            "budget_spent": driver.spent,
        }
        sys.stdout.write(json.dumps(line) + "\n")
        return
    for board in boards_of(sweep, driver.trials):
        console.print()
        show(ranking_table(sweep, board), console)
    if driver.reused_runs:
        console.print(f"{plural(driver.reused_runs, 'run')} had finished before and were reused")
    if driver.spent:
        over = sum(trial.value is not None or trial.pruned is not None for trial in driver.trials)
        console.print(
            f"the budget is spent after {over} of {plural(sweep.count, 'point')}; raise it to go on"
        )
    if best is not None:
        found = ", ".join(f"{protocol} {decimal(value)}" for protocol, value in tested(best).items())
        metric = best.point.experiments[0].evaluation.select_by
        console.print(f"\nbest: {best.point.name}" + (f"; its {metric} on test: {found}" if found else ""))
        console.print(as_toml(sweep, best), soft_wrap=True)
