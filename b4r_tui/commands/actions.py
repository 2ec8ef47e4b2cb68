"""The subcommands: check a file, list and show runs, launch and stop them, fetch data. Each returns an exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from b4r_tui.common.format import plural
from b4r_tui.experiments.load import load_experiments
from b4r_tui.experiments.schema import file_schema
from b4r_tui.reports.runs import runs_table
from b4r_tui.reports.table import console as make_console
from b4r_tui.reports.table import print_line, show
from b4r_tui.runs.index import states_of
from b4r_tui.runs.launch import launch, stop
from b4r_tui.runs.preflight.preflight import CODE
from b4r_tui.runs.resume import resume
from b4r_tui.runs.store import RunStore
from b4r_tui.runs.summary import read_summary
from b4r_tui.runs.supervision.orphans import sweep_lost
from engine.contract.errors import B4RError, ExitCode
from engine.contract.events import Warn, read_events
from engine.contract.sanitize import sanitize

STOP_SECONDS = 60.0


def validate(file: Path) -> ExitCode:
    """Say that the file is in order, and what it would run. Raises B4RError where it is not."""
    found = load_experiments(file)
    print_line(f"{file}: in order, {plural(len(found.experiments), 'experiment')}")
    for experiment in found.experiments:
        print_line(f"  {experiment.name}  {experiment.launch.mode} x{experiment.launch.ranks}")
    for name, sweep in found.sweeps.items():
        print_line(f"  sweep of {name}: {sweep.sentence}")
    return ExitCode.OK


def schema() -> ExitCode:
    """Print the JSON Schema of experiments files, for editors."""
    print_line(json.dumps(file_schema(), indent=1))
    return ExitCode.OK


def list_runs(root: Path, state: str | None, as_json: bool) -> ExitCode:
    """Print the runs there are, oldest first; with `state`, those in it."""
    runs = RunStore(root).runs()
    states = states_of(root, runs)
    sweep_lost(root, states.values())
    summaries = [read_summary(run) for run in runs if state is None or states[run.dir].value == state]
    if as_json:
        print_line(json.dumps(summaries))
    elif summaries:
        show(runs_table(summaries), make_console())
    else:
        print_line(f"no {state + ' ' if state else ''}runs in {root}")
    return ExitCode.OK


def launch_file(
    file: Path, root: Path, only: Sequence[str], after: Sequence[str] = (), priority: float = 0.0
) -> ExitCode:
    """Queue the experiments of a file and leave them to themselves; print the id of each run.

    after: names of runs that must have finished first. Raises B4RError.
    """
    store, experiments = RunStore(root), load_experiments(file, only).runnable()
    for run in launch(store, experiments, [store.find(name) for name in after], priority):
        print_line(f"{run.run_id}  {run.experiment}")
        for record in read_events(run.events_path):
            if isinstance(record.event, Warn) and record.event.code == CODE:
                sys.stderr.write(f"b4r-tui: {run.experiment}: warning: {sanitize(record.event.message)}\n")
    return ExitCode.OK


def stop_run(root: Path, name: str) -> ExitCode:
    """Stop a run and wait until it has ended. Raises B4RError where it will not end."""
    run = RunStore(root).find(name)
    ended_before = run.state.ended
    stop(run, wait=STOP_SECONDS)
    if ended_before:
        print_line(f"{run.experiment}/{run.run_id} has ended before: {run.state}")
        return ExitCode.OK
    if not run.state.ended:
        raise B4RError(
            f"{run.experiment}/{run.run_id} was told to stop and is still ending", ExitCode.ENVIRONMENT
        )
    print_line(f"{run.experiment}/{run.run_id}: {run.state}")
    return ExitCode.OK


def resume_run(root: Path, name: str, j: str | None, mode: str | None) -> ExitCode:
    """Take up a run that was stopped, failed or got lost, and leave it to itself. Raises B4RError."""
    run = RunStore(root).find(name)
    resume(run, j, mode)
    print_line(f"{run.run_id}  {run.experiment}")
    return ExitCode.OK


def fetch_dataset(name: str, into: Path) -> ExitCode:
    """Download a data set and say where it is. Raises B4RError that says which file to put where instead."""
    from b4r_tui.experiments.datasets import (  # pooch and requests take a tenth of a second to import
        ARCHIVES,
        fetch,
    )

    folder = fetch(ARCHIVES[name], into, make_console(stderr=True))
    print_line(f'{folder}: in order; set data.dataset_name = "{name}" and data.dataset_path to it')
    return ExitCode.OK
