"""`b4r-tui rerun RUN`: runs a frozen config again; with --check, reports whether every number is the same."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from typing import Any

from b4r_tui.commands.command import Context, add_json, add_run, print_json, print_line
from b4r_tui.results.rerun_check import RerunCheck, check_rerun
from b4r_tui.runs.environment import Change, changes, data_changes, read_environment
from b4r_tui.runs.launch import launch, stop
from b4r_tui.runs.progress import RunProgress, RunWatch
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run, RunStore
from engine.contract.errors import B4RError, ExitCode
from engine.contract.events import RunStarted

POLL_SECONDS = 0.2
STOP_SECONDS = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add RUN, --check and --json."""
    add_run(parser)
    parser.add_argument(
        "--check", action="store_true", help="wait, and report whether losses and metrics are identical"
    )
    add_json(parser)


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Launch the run's config as a new run; with --check wait until it has ended and compare.

    Returns RUN_FAILED if anything differs or the new run did not finish. Raises B4RError.
    """
    store = RunStore(context.root)
    old = store.find(arguments.name)
    if arguments.check and old.state is not RunState.FINISHED:
        raise B4RError(
            f"{_name(old)} is {old.state}, so it has no results to compare with; check a finished run"
        )
    (new,) = launch(store, [old.config()])
    if not arguments.check:
        print_line(json.dumps({"run": old.run_id, "rerun": new.run_id}) if arguments.json else _name(new))
        return ExitCode.OK
    sys.stderr.write(f"running {_name(old)} again as {new.run_id}\n")
    try:
        data = _wait(old, new)
    except KeyboardInterrupt:
        stop(new, wait=STOP_SECONDS)
        raise
    return _judge(old, new, data, arguments.json)


def _wait(old: Run, new: Run) -> dict[str, Change]:
    """Wait until the new run has ended, or stop it if its data differs; return what differs in the data."""
    before, watch = _fingerprints(_progress(old).started), RunWatch(new)
    while True:
        watch.poll()
        data = data_changes(before, _fingerprints(watch.progress.started))
        if data and not watch.state.ended:
            stop(new, wait=STOP_SECONDS)
        if data or watch.state.ended:
            return data
        time.sleep(POLL_SECONDS)


def _fingerprints(started: RunStarted | None) -> dict[str, Any]:
    dataset = started.dataset if started else {}
    return {
        "data_fingerprint": dataset.get("data_fingerprint"),
        "split_fingerprint": dataset.get("fingerprint"),
    }


def _judge(old: Run, new: Run, data: dict[str, Change], as_json: bool) -> ExitCode:
    state, comparison = new.state, check_rerun(_progress(old), _progress(new))
    same = comparison.identical and state is RunState.FINISHED and not data
    environment = changes(read_environment(old.dir), read_environment(new.dir))
    attempts = len(read_environment(old.dir).get("earlier", []))
    if as_json:
        print_json(_verdict(old, new, comparison, same, data, environment))
    else:
        for line in _lines(new, comparison, same, data, environment, attempts):
            print_line(line)
    return ExitCode.OK if same else ExitCode.RUN_FAILED


def _lines(
    new: Run,
    comparison: RerunCheck,
    same: bool,
    data: dict[str, Change],
    environment: dict[str, Change],
    attempts: int,
) -> list[str]:
    """Return the verdict in words, the difference before what may explain it."""
    if same:
        return [f"identical: all {comparison.compared} losses and metrics are bit-identical"]
    if data:
        pairs = ", ".join(f"{key} {_change(pair)}" for key, pair in data.items())
        return [f"different: the data has changed ({pairs}); the new run was stopped"]
    if new.state is not RunState.FINISHED:
        ended = new.exit()
        return [f"different: {_name(new)} is {new.state}: {(ended and ended.error) or 'it did not finish'}"]
    lines = [f"different: {len(comparison.differences)} of {comparison.compared} losses and metrics"]
    lines += [f"first: {comparison.differences[0].sentence}"] if comparison.differences else []
    lines += [f"changed: {key} {_change(pair)}" for key, pair in environment.items()]
    if attempts:
        lines.append(f"the first run was resumed {attempts} times, possibly on a different number of ranks")
    return lines


def _verdict(
    old: Run,
    new: Run,
    comparison: RerunCheck,
    same: bool,
    data: dict[str, Change],
    environment: dict[str, Change],
) -> dict[str, Any]:
    first = comparison.differences[0] if comparison.differences else None
    return {
        "run": old.run_id,
        "rerun": new.run_id,
        "state": str(new.state),
        "identical": same,
        "compared": comparison.compared,
        "different": len(comparison.differences),
        "first": {**asdict(first), "sentence": first.sentence} if first else None,
        "data": data,
        "environment": environment,
    }


def _progress(run: Run) -> RunProgress:
    watch = RunWatch(run)
    watch.poll()
    return watch.progress


def _change(pair: Change) -> str:
    return f"{_shown(pair[0])} → {_shown(pair[1])}"


def _shown(value: Any) -> str:
    return "unknown" if value is None else str(value)


def _name(run: Run) -> str:
    return f"{run.experiment}/{run.run_id}"
