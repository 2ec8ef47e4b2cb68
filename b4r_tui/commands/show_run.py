"""`b4r-tui show`: one run whole."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.text import Text

from b4r_tui.common.format import NOTHING, duration, moment, whole
from b4r_tui.reports.crash_card import card_lines
from b4r_tui.reports.repro_script import repro_record, repro_text
from b4r_tui.reports.runs import funnel_table, plan_table, tested_table, took
from b4r_tui.reports.table import console as make_console
from b4r_tui.reports.table import print_line, show
from b4r_tui.runs.crash.explain import card_of
from b4r_tui.runs.progress import RunWatch
from b4r_tui.runs.queue.outlook import why_it_waits
from b4r_tui.runs.store import Run, RunStore, config_text
from b4r_tui.runs.summary import Summary, read_summary
from b4r_tui.runs.supervision.orphans import sweep_lost
from engine.contract.errors import ExitCode
from engine.contract.sanitize import sanitize


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
        console.print(sanitize(f"{label:12} {value}"), soft_wrap=True)
    for line in _card(run):
        console.print(line, soft_wrap=True)
    if summary.get("tested_epoch") is not None:
        console.print()
        show(tested_table(summary), console)
    _print_data_and_plan(run, console)
    _print_settings(run, console)
    return ExitCode.OK


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
        show(funnel_table(started.dataset), console)
    if started and started.plan:
        console.print()
        show(plan_table(started.plan), console)


def _print_settings(run: Run, console: Console) -> None:
    console.print()
    console.print(config_text(run.config()), soft_wrap=True, end="")
