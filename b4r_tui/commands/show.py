"""`b4r-tui show RUN`: prints full details of a run."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from b4r_tui.commands.command import Context, add_json, add_run, print_json, print_line
from b4r_tui.common.format import NOTHING, duration, moment, whole
from b4r_tui.reports.crash_card import card_lines
from b4r_tui.reports.repro_script import repro_record, repro_text
from b4r_tui.reports.runs import funnel_table, plan_table, tested_table, took
from b4r_tui.reports.table import show
from b4r_tui.runs.crash.explain import card_of
from b4r_tui.runs.progress import RunWatch
from b4r_tui.runs.queue.outlook import why_it_waits
from b4r_tui.runs.store import Run, RunStore, config_text
from b4r_tui.runs.summary import Summary, read_summary
from b4r_tui.runs.supervision.orphans import sweep_lost
from engine.contract.errors import ExitCode
from engine.contract.sanitize import sanitize


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add RUN, --repro and --json."""
    add_run(parser)
    parser.add_argument("--repro", action="store_true", help="print a script that reproduces the run")
    add_json(parser)


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Print a run's state, test metrics and settings; with --repro, how to reproduce it."""
    run = RunStore(context.root).find(arguments.name)
    sweep_lost(context.root, [run.state])
    if arguments.json:
        print_json(repro_record(run) if arguments.repro else _record(run))
    elif arguments.repro:
        print_line(repro_text(run, read_summary(run)).rstrip())
    else:
        _print(run, context.console)
    return ExitCode.OK


def _print(run: Run, console: Console) -> None:
    summary = read_summary(run)
    for label, value in _facts(run, summary).items():
        console.print(sanitize(f"{label:12} {value}"), soft_wrap=True)
    for line in _card(run):
        console.print(line, soft_wrap=True)
    if summary.get("tested_epoch") is not None:
        console.print()
        show(tested_table(summary), console)
    _print_data_and_plan(run, console)
    _print_settings(run, console)


def _record(run: Run) -> dict[str, object]:
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
        show(funnel_table(started.dataset), console)
    if started and started.plan:
        console.print()
        show(plan_table(started.plan), console)


def _print_settings(run: Run, console: Console) -> None:
    console.print()
    console.print(config_text(run.config()), soft_wrap=True, end="")
