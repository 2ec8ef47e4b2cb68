"""The subcommands: check a file, list and show runs, launch and stop them, fetch data. Each returns an exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.text import Text

from b4r_tui.crash_report import card_lines
from b4r_tui.experiments.load import load_experiments
from b4r_tui.experiments.schema import file_schema
from b4r_tui.preflight.run import CODE
from b4r_tui.report import funnel_sheet, plan_sheet, runs_sheet, tested_sheet, took
from b4r_tui.repro import repro_record, repro_text
from b4r_tui.results.summary import Summary, read_summary
from b4r_tui.runs.crash.explain import card_of
from b4r_tui.runs.index import states_of
from b4r_tui.runs.launch import launch, stop
from b4r_tui.runs.orphans import sweep_lost
from b4r_tui.runs.outlook import why_it_waits
from b4r_tui.runs.progress import RunWatch
from b4r_tui.runs.resume import resume
from b4r_tui.runs.store import Run, RunStore, config_text
from b4r_tui.sheets import console as make_console
from b4r_tui.sheets import show
from b4r_tui.wording import NOTHING, duration, moment, plural, whole
from engine.errors import B4RError, ExitCode
from engine.events import Warn, read_events
from engine.harmless import harmless

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
        show(runs_sheet(summaries), make_console())
    else:
        print_line(f"no {state + ' ' if state else ''}runs in {root}")
    return ExitCode.OK


def show_run(root: Path, name: str, as_json: bool, repro: bool = False) -> ExitCode:
    """Print one run whole: what became of it, its test metrics, its settings; `repro`: how to run it again."""
    run = RunStore(root).find(name)
    sweep_lost(root, [run.state])
    if repro:
        print_line(json.dumps(repro_record(run)) if as_json else repro_text(run, read_summary(run)).rstrip())
        return ExitCode.OK
    if as_json:
        print_line(json.dumps(_whole(run)))
        return ExitCode.OK
    summary, console = read_summary(run), make_console()
    for label, value in _facts(run, summary).items():
        console.print(harmless(f"{label:12} {value}"), soft_wrap=True)
    for line in _card(run):
        console.print(line, soft_wrap=True)
    if summary.get("tested_epoch") is not None:
        console.print()
        show(tested_sheet(summary), console)
    _print_data_and_plan(run, console)
    _print_settings(run, console)
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
                sys.stderr.write(f"b4r-tui: {run.experiment}: warning: {harmless(record.event.message)}\n")
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
    card = card_of(run, watch.state, ended)
    return {
        "dir": str(run.dir),
        "card": card.as_json() if card else None,
        "summary": read_summary(run),
        "dataset": watch.progress.started.dataset if watch.progress.started else None,
        "plan": watch.progress.started.plan if watch.progress.started else None,
        "config": run.config().model_dump(),
        "waits": why_it_waits(RunStore(run.dir.parent.parent), run),
        "exit": asdict(ended) if ended else None,
        "history": [asdict(epoch) for epoch in watch.progress.history],
        "warnings": [asdict(warning) for warning in watch.progress.warnings],
    }


def _card(run: Run) -> list[Text]:
    card = card_of(run, run.state, run.exit())
    return [Text(), *card_lines(card)] if card else []


def _facts(run: Run, summary: Summary) -> dict[str, object]:
    facts = {
        "run": f"{run.experiment}/{run.run_id}",
        "state": summary["state"],
        "waits": summary.get("waits") or why_it_waits(RunStore(run.dir.parent.parent), run) or NOTHING,
        "error": summary["error"],
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
