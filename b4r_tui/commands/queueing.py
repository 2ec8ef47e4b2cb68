"""`b4r-tui queue`, `retry` and `delete`: shows what waits and why, changes its order, and gives runs another try."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from b4r_tui.commands.queue import AS_BEFORE
from b4r_tui.common.format import moment, plural
from b4r_tui.reports.table import Column, ReportTable, print_line, show, text
from b4r_tui.reports.table import console as make_console
from b4r_tui.runs.delete import delete
from b4r_tui.runs.queue import reorder
from b4r_tui.runs.queue.outlook import Outlook, look_ahead
from b4r_tui.runs.queue_settings import Settings
from b4r_tui.runs.retry import failed_runs, retry
from b4r_tui.runs.store import Run, RunStore
from engine.contract.errors import B4RError, ExitCode


def act(arguments: argparse.Namespace, root: Path) -> int:
    """Do what the command line asks of the queue. Raises B4RError."""
    store = RunStore(root)
    doings: dict[str | None, Callable[[], int]] = {
        None: lambda: _list(store, arguments.json),
        "list": lambda: _list(store, arguments.json),
        "pause": lambda: _pause(store, arguments.names, True),
        "go": lambda: _pause(store, arguments.names, False),
        "move": lambda: _move(store, arguments),
        "priority": lambda: _priority(store, arguments.name, arguments.number),
        "limit": lambda: _limit(store, arguments),
    }
    return doings[arguments.doing]()


def retry_runs(arguments: argparse.Namespace, root: Path) -> int:
    """Queue failed runs again and print their ids. Raises B4RError where it is not said which."""
    store = RunStore(root)
    if bool(arguments.names) == arguments.failed or (arguments.only and not arguments.failed):
        raise B4RError(
            "retry takes the runs' names, or --failed for all that failed or got lost, with --only of some"
        )
    runs = failed_runs(store, arguments.only) if arguments.failed else _find(store, arguments.names)
    for run in retry(store, runs, arguments.anew):
        print_line(f"{run.run_id}  {run.experiment}")
    if not runs:
        print_line(f"no failed runs in {root}")
    return ExitCode.OK


def delete_runs(arguments: argparse.Namespace, root: Path) -> int:
    """Delete runs that have ended or wait. Raises B4RError; those named before are deleted."""
    for run in _find(RunStore(root), arguments.names):
        delete(run)
        print_line(f"{run.name}: deleted")
    return ExitCode.OK


def _find(store: RunStore, names: Sequence[str]) -> list[Run]:
    return list({run.dir: run for run in map(store.find, names)}.values())


def _list(store: RunStore, as_json: bool) -> ExitCode:
    outlook = look_ahead(store)
    if as_json:
        print_line(json.dumps(outlook.as_json()))
        return ExitCode.OK
    for line in _heading(outlook, store.root):
        print_line(line)
    if outlook.rows:
        show(_table(outlook), make_console())
    return ExitCode.OK


def _heading(outlook: Outlook, root: Path) -> list[str]:
    waiting = sum(row.state == "queued" for row in outlook.rows)
    lines = [
        f"{plural(len(outlook.rows) - waiting, 'run')} under way, {waiting} waiting in {root}; {_said(outlook)}"
    ]
    if outlook.has_no_runner:
        lines.append("no runner is there, as after a restart of the machine: b4r-tui queue go starts it")
    return lines


def _said(outlook: Outlook) -> str:
    parts = [f"{outlook.free_cpus} of {plural(outlook.cpus, 'CPU thread')} free"]
    if outlook.gpus:
        parts.append(f"{outlook.free_gpus} of {plural(outlook.gpus, 'GPU')} free")
    return ", ".join(parts + _limits(outlook.settings))


def _limits(settings: Settings) -> list[str]:
    runs = [f"at most {plural(settings.runs, 'run')} at once"] if settings.runs is not None else []
    return [*runs, *(["paused"] if settings.paused else [])]


def _table(outlook: Outlook) -> ReportTable:
    columns = [
        Column("#", right=True),
        Column("run"),
        Column("experiment"),
        Column("state"),
        Column("priority", right=True, spare=2),
        Column("CPU", right=True, spare=1),
        Column("GPU", right=True, spare=1),
        Column("queued", spare=3),
        Column("waits"),
    ]
    rows = [
        [
            text(row.place or ""),
            text(row.run.run_id),
            text(row.run.experiment),
            text(row.state),
            text(f"{row.priority:g}" if row.priority else ""),
            text(row.cpus),
            text(row.gpus or ""),
            text(moment(row.queued_at)),
            text(row.reason),
        ]
        for row in outlook.rows
    ]
    return ReportTable("", columns, rows)


def _pause(store: RunStore, names: Sequence[str], paused: bool) -> ExitCode:
    runs = _find(store, names)
    reorder.set_paused(store, runs, paused)
    done = "paused" if paused else "goes on"
    for line in [f"{run.name}: {done}" for run in runs] or [f"the queue of {store.root}: {done}"]:
        print_line(line)
    return ExitCode.OK


def _move(store: RunStore, arguments: argparse.Namespace) -> ExitCode:
    if (arguments.place in ("before", "after")) != (arguments.other is not None):
        raise B4RError("queue move takes: RUN first, RUN last, RUN before OTHER, or RUN after OTHER")
    run = store.find(arguments.name)
    reorder.move(store, run, arguments.place, store.find(arguments.other) if arguments.other else None)
    return _list(store, as_json=False)


def _priority(store: RunStore, name: str, number: float) -> ExitCode:
    reorder.set_priority(store, store.find(name), number)
    return _list(store, as_json=False)


def _limit(store: RunStore, arguments: argparse.Namespace) -> ExitCode:
    asked = {"cpus": arguments.cpus, "runs": arguments.at_once, "elsewhere": arguments.elsewhere}
    changes = {name: value for name, value in asked.items() if value != AS_BEFORE}
    if changes.get("elsewhere", 1) is None:
        changes["elsewhere"] = Settings.elsewhere
    settings = reorder.change_settings(store, **changes)
    cpus = "all" if settings.cpus is None else settings.cpus
    runs = "any number of" if settings.runs is None else settings.runs
    print_line(f"{cpus} CPU threads, {runs} runs here, {settings.elsewhere} runs elsewhere")
    return ExitCode.OK
