"""The subcommands: check a file, list and show runs, launch and stop them, fetch data. Each returns an exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from b4r_tui.experiments.load import load_experiments
from b4r_tui.experiments.schema import file_schema
from b4r_tui.report import funnel_sheet, plan_sheet, runs_sheet, tested_sheet, took
from b4r_tui.results.summary import Summary, read_summary
from b4r_tui.runs.launch import launch, stop
from b4r_tui.runs.progress import RunWatch
from b4r_tui.runs.resume import resume
from b4r_tui.runs.store import Run, RunStore, config_text
from b4r_tui.sheets import console as make_console
from b4r_tui.sheets import show
from b4r_tui.wording import NOTHING, duration, moment, plural, whole
from engine.errors import B4RError, ExitCode

STOP_SECONDS = 60.0


def validate(file: Path) -> ExitCode:
    """Say that the file is in order, and what it would run. Raises B4RError where it is not."""
    experiments = load_experiments(file).experiments
    print_line(f"{file}: in order, {plural(len(experiments), 'experiment')}")
    for experiment in experiments:
        print_line(f"  {experiment.name}  {experiment.launch.mode} x{experiment.launch.ranks}")
    return ExitCode.OK


def schema() -> ExitCode:
    """Print the JSON Schema of experiments files, for editors."""
    print_line(json.dumps(file_schema(), indent=1))
    return ExitCode.OK


def list_runs(root: Path, state: str | None, as_json: bool) -> ExitCode:
    """Print the runs there are, oldest first; with `state`, those in it."""
    runs = [run for run in RunStore(root).runs() if state is None or run.state.value == state]
    summaries = [read_summary(run) for run in runs]
    if as_json:
        print_line(json.dumps(summaries))
    elif summaries:
        show(runs_sheet(summaries), make_console())
    else:
        print_line(f"no {state + ' ' if state else ''}runs in {root}")
    return ExitCode.OK


def show_run(root: Path, name: str, as_json: bool) -> ExitCode:
    """Print one run whole: what became of it, its test metrics, its settings."""
    run = RunStore(root).find(name)
    if as_json:
        print_line(json.dumps(_whole(run)))
        return ExitCode.OK
    summary, console = read_summary(run), make_console()
    for label, value in _facts(run, summary).items():
        console.print(f"{label:12} {value}", soft_wrap=True)
    if summary.get("tested_epoch") is not None:
        console.print()
        show(tested_sheet(summary), console)
    _print_data_and_plan(run, console)
    _print_settings(run, console)
    return ExitCode.OK


def launch_file(file: Path, root: Path, only: Sequence[str]) -> ExitCode:
    """Start the experiments of a file and leave them to themselves; print the id of each run."""
    for run in launch(RunStore(root), load_experiments(file, only).experiments):
        print_line(f"{run.run_id}  {run.experiment}")
    return ExitCode.OK


def stop_run(root: Path, name: str) -> ExitCode:
    """Stop a run and wait until it has ended. Raises B4RError where it will not end."""
    run = RunStore(root).find(name)
    if run.state.ended:
        print_line(f"{run.experiment}/{run.run_id} has ended before: {run.state}")
        return ExitCode.OK
    stop(run, wait=STOP_SECONDS)
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
    from b4r_tui.fetch import ARCHIVES, fetch  # pooch and requests take a tenth of a second to import

    folder = fetch(ARCHIVES[name], into, make_console(stderr=True))
    print_line(f'{folder}: in order; set data.dataset_name = "{name}" and data.dataset_path to it')
    return ExitCode.OK


def print_line(line: str) -> None:
    """A line to standard output, as it is."""
    sys.stdout.write(line + "\n")


def _whole(run: Run) -> dict[str, object]:
    watch = RunWatch(run)
    watch.poll()
    ended = run.exit()
    return {
        "dir": str(run.dir),
        "summary": read_summary(run),
        "dataset": watch.progress.started.dataset if watch.progress.started else None,
        "plan": watch.progress.started.plan if watch.progress.started else None,
        "config": run.config().model_dump(),
        "exit": asdict(ended) if ended else None,
        "history": [asdict(epoch) for epoch in watch.progress.history],
        "warnings": [asdict(warning) for warning in watch.progress.warnings],
    }


def _facts(run: Run, summary: Summary) -> dict[str, object]:
    facts = {
        "run": f"{run.experiment}/{run.run_id}",
        "state": summary["state"],
        "error": summary["error"],
        "waits": summary.get("waits"),
        "folder": run.dir,
        "started": moment(summary["started_at"]),
        "took": duration(took(summary)),
        "launch": f"{summary.get('mode', '?')} x{summary.get('ranks', '?')} on {summary.get('device', NOTHING)}",
        "epochs": f"{summary['epochs_done']} of {summary.get('epochs', '?')}",
        "data": summary.get("dataset"),
        "split": f"{summary.get('split', '?')} {(summary.get('fingerprint') or '')[:16]}".strip(),
        "parameters": whole(summary.get("parameters")),
        "precision": summary.get("precision"),
    }
    return {label: value for label, value in facts.items() if value not in (None, NOTHING)}


def _print_data_and_plan(run: Run, console: Console) -> None:
    watch = RunWatch(run)
    watch.poll()
    started = watch.progress.started
    if started and started.dataset.get("funnel"):
        console.print()
        show(funnel_sheet(started.dataset), console)
    if started and started.plan:
        console.print()
        show(plan_sheet(started.plan), console)


def _print_settings(run: Run, console: Console) -> None:
    console.print()
    console.print(config_text(run.config()), soft_wrap=True, end="")
