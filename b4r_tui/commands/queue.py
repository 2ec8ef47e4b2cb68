"""`b4r-tui queue`: shows which runs are running and queued, and why; pauses, reorders and limits the queue."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from b4r_tui.commands.command import (
    Context,
    add_json,
    add_root,
    find_runs,
    number,
    print_json,
    print_line,
)
from b4r_tui.common.format import moment, plural
from b4r_tui.reports.table import Column, ReportTable, show, text
from b4r_tui.runs.queue import reorder
from b4r_tui.runs.queue.outlook import Outlook, look_ahead
from b4r_tui.runs.queue_settings import Settings
from b4r_tui.runs.store import RunStore
from engine.contract.errors import B4RError, ExitCode

UNCHANGED = 0  # not a valid limit; None means unlimited
_Act = Callable[[RunStore, argparse.Namespace, Context], ExitCode]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --json and the subcommands."""
    add_json(parser)
    subcommands = parser.add_subparsers(dest="action", metavar="ACTION", title="actions (default: list)")

    def add(name: str, help_line: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = subcommands.add_parser(
            name, help=help_line, description=help_line, allow_abbrev=False
        )
        add_root(added)
        return added

    add_json(add("list", "list running and queued runs, and what queued runs wait for"))
    _add_names(add("pause", "pause the queue, or these runs; running runs continue"))
    _add_names(add("resume", "resume the queue, or these runs"))
    _add_names(subcommands.add_parser("go", allow_abbrev=False))  # the previous release's name of `resume`
    add_root(subcommands.choices["go"])
    move = add("move", "move a queued run to the start or end, or before or after another")
    move.add_argument("name", metavar="RUN")
    move.add_argument("place", choices=("first", "last", "before", "after"))
    move.add_argument("other", metavar="OTHER", nargs="?", help="required by before and after")
    priority = add("priority", "set the priority of a queued run; higher starts first (default 0)")
    priority.add_argument("name", metavar="RUN")
    priority.add_argument("number", metavar="N", type=number)
    _add_limits(add("limit", "limit what runs use in total; `unlimited` removes a limit"))


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Run the subcommand. Raises B4RError."""
    return _ACTIONS[arguments.action](RunStore(context.root), arguments, context)


def _add_names(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", metavar="RUN", nargs="*", help="queued runs (default: the whole queue)")


def _add_limits(parser: argparse.ArgumentParser) -> None:
    for name, what in (
        ("cpus", "CPU threads of all runs (default: all cores)"),
        ("at-once", "simultaneous runs on this machine (default: unlimited)"),
        ("elsewhere", "simultaneous runs on a cluster (default 16)"),
    ):
        parser.add_argument(f"--{name}", metavar="N", type=_limit_of, default=UNCHANGED, help=what)


def _limit_of(text: str) -> int | None:
    if text in ("unlimited", "none"):  # none: the previous release's word
        return None
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is neither a whole number of at least 1 nor unlimited")
    return int(text)


def _list(store: RunStore, arguments: argparse.Namespace, context: Context) -> ExitCode:
    outlook = look_ahead(store)
    if arguments.json:
        print_json(outlook.as_json())
        return ExitCode.OK
    for line in _heading(outlook, store.root):
        print_line(line)
    if outlook.rows:
        show(_table(outlook), context.console)
    return ExitCode.OK


def _heading(outlook: Outlook, root: Path) -> list[str]:
    queued = sum(row.state == "queued" for row in outlook.rows)
    lines = [f"{len(outlook.rows) - queued} running, {queued} queued in {root}; {_capacity(outlook)}"]
    if outlook.has_no_runner:
        lines.append("no runner is active, e.g. after a reboot; start it with: b4r-tui queue resume")
    return lines


def _capacity(outlook: Outlook) -> str:
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
        Column("reason"),
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


def _pause(store: RunStore, arguments: argparse.Namespace, context: Context) -> ExitCode:
    return _set_paused(store, arguments, True)


def _resume(store: RunStore, arguments: argparse.Namespace, context: Context) -> ExitCode:
    return _set_paused(store, arguments, False)


def _set_paused(store: RunStore, arguments: argparse.Namespace, paused: bool) -> ExitCode:
    runs = find_runs(store, arguments.names)
    reorder.set_paused(store, runs, paused)
    done = "paused" if paused else "resumed"
    for line in [f"{each.name}: {done}" for each in runs] or [f"the queue of {store.root}: {done}"]:
        print_line(line)
    return ExitCode.OK


def _move(store: RunStore, arguments: argparse.Namespace, context: Context) -> ExitCode:
    if (arguments.place in ("before", "after")) != (arguments.other is not None):
        raise B4RError("queue move takes: RUN first, RUN last, RUN before OTHER, or RUN after OTHER")
    other = store.find(arguments.other) if arguments.other else None
    reorder.move(store, store.find(arguments.name), arguments.place, other)
    return _list(store, arguments, context)


def _priority(store: RunStore, arguments: argparse.Namespace, context: Context) -> ExitCode:
    reorder.set_priority(store, store.find(arguments.name), arguments.number)
    return _list(store, arguments, context)


def _limit(store: RunStore, arguments: argparse.Namespace, context: Context) -> ExitCode:
    asked = {"cpus": arguments.cpus, "runs": arguments.at_once, "elsewhere": arguments.elsewhere}
    changes = {name: value for name, value in asked.items() if value != UNCHANGED}
    if changes.get("elsewhere", 1) is None:
        changes["elsewhere"] = Settings.elsewhere
    settings = reorder.change_settings(store, **changes)
    cpus = "all" if settings.cpus is None else settings.cpus
    runs = "unlimited" if settings.runs is None else settings.runs
    print_line(f"{cpus} CPU threads, {runs} runs here, {settings.elsewhere} runs elsewhere")
    return ExitCode.OK


_ACTIONS: dict[str | None, _Act] = {
    None: _list,
    "list": _list,
    "pause": _pause,
    "resume": _resume,
    "go": _resume,
    "move": _move,
    "priority": _priority,
    "limit": _limit,
}
