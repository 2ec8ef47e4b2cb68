"""`b4r-tui sweep FILE --only NAME`: runs a sweep to completion; run again, it resumes."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from b4r_tui.commands.command import Context, add_file, add_json, print_json, print_line, print_message
from b4r_tui.commands.interrupts import Interrupts, stop_all
from b4r_tui.common.format import decimal, plural
from b4r_tui.experiments.load import load_experiments
from b4r_tui.experiments.sweep_points import Sweep
from b4r_tui.reports.live_sweep import SweepView
from b4r_tui.reports.sweep import ranking_table
from b4r_tui.reports.table import show
from b4r_tui.runs.locks import try_hold
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import RunStore
from b4r_tui.sweeps.budget import Budget
from b4r_tui.sweeps.driver import Driver
from b4r_tui.sweeps.optuna_search import OptunaSearch
from b4r_tui.sweeps.preview import Preview, preview
from b4r_tui.sweeps.ranking import as_json, as_toml, best_of, boards_of, tested
from b4r_tui.sweeps.search import PlannedSearch, Search
from engine.contract.errors import B4RError, ExitCode

POLL_SECONDS = 0.25
FOLDER = ".sweeps"  # in the runs root: the state of searches, and locks


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add FILE, --only, --dry-run, --retry and --json."""
    add_file(parser)
    parser.add_argument(
        "--only", dest="sweep", metavar="NAME", help="experiment whose sweep to run, if the file has several"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only print the number of runs and the estimated time"
    )
    parser.add_argument("--retry", action="store_true", help="run failed points again")
    add_json(parser, "print events as JSON lines, then one result line")


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Run the sweep; return OK, RUN_FAILED if a point failed, or INTERRUPTED. Raises B4RError."""
    sweep, store = find_sweep(arguments.path, arguments.sweep), RunStore(context.root)
    if arguments.dry_run:
        _print_preview(sweep, preview(sweep, store), arguments.json)
        return ExitCode.OK
    with _locked(context.root, sweep.plan.name) as folder, Interrupts() as interrupts:
        search = _search(sweep, folder, arguments.retry)
        options = sweep.plan.options
        budget = Budget(options.budget_seconds, options.budget_runs)
        driver = Driver(store, search, budget, arguments.retry)
        view = SweepView(sweep, driver, context.console, arguments.json)
        with view.display:
            stopped = _drive(driver, view, lambda: interrupts.count)
    _report(sweep, driver, context.console, arguments.json)
    if stopped:
        return ExitCode.INTERRUPTED
    failed = any(trial.state in (RunState.FAILED.value, RunState.LOST.value) for trial in driver.trials)
    return ExitCode.RUN_FAILED if failed else ExitCode.OK


def find_sweep(file: Path, only: str | None) -> Sweep:
    """Return the sweep of that name, or the only one of the file. Raises B4RError."""
    sweeps = load_experiments(file, [only] if only else []).sweeps
    if only is not None and only not in sweeps:
        raise B4RError(
            f"{file}: '{only}' has no sweep; add [experiments.{only}.sweep], or start it with --run"
        )
    if not sweeps:
        raise B4RError(f"{file}: has no sweep; add [experiments.NAME.sweep], or start it with --run")
    if len(sweeps) > 1:
        raise B4RError(f"{file}: has {len(sweeps)} sweeps; choose one with --only: {', '.join(sweeps)}")
    return next(iter(sweeps.values()))


def _search(sweep: Sweep, folder: Path, retry: bool) -> Search:
    if sweep.plan.options.method == "optuna":
        return OptunaSearch(sweep, folder, retry)
    return PlannedSearch(sweep.points)


@contextmanager
def _locked(root: Path, name: str) -> Iterator[Path]:
    """Hold the sweep's lock within the block; yield the folder for the state of its search."""
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
        raise B4RError(f"{name}: this sweep is already running; wait until it ends, or use another --runs")
    try:
        yield folder
    finally:
        os.close(lock)


def _drive(driver: Driver, view: SweepView, interrupts: Callable[[], int]) -> bool:
    """Run the sweep until done or interrupted, then stop its runs; return whether it was interrupted."""
    view.update(driver.watches)
    while not driver.done:
        view.update(driver.step())
        if interrupts() and not driver.done:
            active = [watch for watch in driver.watches if not watch.state.ended]
            stop_all(active, lambda: interrupts() > 1)
            print_message("run the same command again to resume the sweep")
            view.update([watch for watch in active if watch.poll()])
            return True
        if not driver.done:
            time.sleep(POLL_SECONDS)
    return False


def _print_preview(sweep: Sweep, planned: Preview, as_json: bool) -> None:
    if as_json:
        print_json({"runs": planned.runs, "there": planned.there, "seconds": planned.seconds})
    else:
        print_line(f"{sweep.plan.name}: {planned.sentence}")


def _report(sweep: Sweep, driver: Driver, console: Console, json_wanted: bool) -> None:
    best = best_of(sweep, driver.trials)
    if json_wanted:
        found = {"kept_runs": driver.reused_runs, "budget_spent": driver.spent}
        print_json(as_json(sweep, driver.trials, best) | found)
        return
    for board in boards_of(sweep, driver.trials):
        console.print()
        show(ranking_table(sweep, board), console)
    if driver.reused_runs:
        console.print(f"{plural(driver.reused_runs, 'run')} had already finished and were reused")
    if driver.spent:
        over = sum(trial.value is not None or trial.pruned is not None for trial in driver.trials)
        console.print(
            f"the budget was spent after {over} of {plural(sweep.count, 'point')}; raise it to continue"
        )
    if best is not None:
        values = ", ".join(f"{protocol} {decimal(value)}" for protocol, value in tested(best).items())
        metric = best.point.experiments[0].evaluation.select_by
        console.print(f"\nbest: {best.point.name}" + (f"; its {metric} on test: {values}" if values else ""))
        console.print(as_toml(sweep, best), soft_wrap=True)
