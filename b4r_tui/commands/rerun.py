"""`b4r-tui rerun RUN`: runs a frozen config again; with --check, says whether every number came out the same."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from b4r_tui.results.rerun_check import RerunCheck, check_rerun
from b4r_tui.runs.environment import Change, changes, data_changes, surroundings
from b4r_tui.runs.launch import launch, stop
from b4r_tui.runs.progress import RunProgress, RunWatch
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run, RunStore
from engine.contract.errors import B4RError, ExitCode
from engine.contract.events import RunStarted

POLL_SECONDS = 0.2
STOP_SECONDS = 60.0


def rerun(root: Path, name: str, check: bool, as_json: bool) -> ExitCode:
    """Launch the run's config as a new run; with `check` see it to its end and compare.

    Returns RUN_FAILED where anything differs or the new run did not finish. Raises B4RError.
    """
    store = RunStore(root)
    old = store.find(name)
    if check and old.state is not RunState.FINISHED:
        raise B4RError(
            f"{_name(old)} is {old.state}, so there is no end to compare with; check a finished run"
        )
    (new,) = launch(store, [old.config()])
    if not check:
        _print(json.dumps({"run": old.run_id, "rerun": new.run_id}) if as_json else _name(new))
        return ExitCode.OK
    sys.stderr.write(f"running {_name(old)} again as {new.run_id}\n")
    try:
        data = _see_through(old, new)
    except KeyboardInterrupt:
        stop(new, wait=STOP_SECONDS)
        raise
    return _judge(old, new, data, as_json)


def _see_through(old: Run, new: Run) -> dict[str, Change]:
    """Wait until the new run has ended, or stop it where its data is not the old one's; what of it differs."""
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
    state, found = new.state, check_rerun(_progress(old), _progress(new))
    same = found.identical and state is RunState.FINISHED and not data
    around = changes(surroundings(old), surroundings(new))
    attempts = len(surroundings(old).get("earlier", []))
    if as_json:
        _print(json.dumps(_verdict(old, new, found, same, data, around)))
    else:
        for line in _lines(new, found, same, data, around, attempts):
            _print(line)
    return ExitCode.OK if same else ExitCode.RUN_FAILED


def _lines(
    new: Run,
    found: RerunCheck,
    same: bool,
    data: dict[str, Change],
    around: dict[str, Change],
    attempts: int,
) -> list[str]:
    """The verdict for people, the reason before what may explain it."""
    if same:
        return [f"identical: all {found.compared} losses and metrics are the same to the last bit"]
    if data:
        pairs = ", ".join(f"{key} {_change(pair)}" for key, pair in data.items())
        return [f"different: the data is not what it was ({pairs}); the new run was stopped"]
    if new.state is not RunState.FINISHED:
        ended = new.exit()
        return [f"different: {_name(new)} is {new.state}: {(ended and ended.error) or 'it did not finish'}"]
    lines = [f"different: {len(found.differences)} of {found.compared} losses and metrics"]
    lines += [f"first: {found.differences[0].sentence}"] if found.differences else []
    lines += [f"not as it was: {key} {_change(pair)}" for key, pair in around.items()]
    if attempts:
        lines.append(f"the first run was taken up {attempts} times, perhaps on other ranks than at first")
    return lines


def _verdict(
    old: Run, new: Run, found: RerunCheck, same: bool, data: dict[str, Change], around: dict[str, Change]
) -> dict[str, Any]:
    first = found.differences[0] if found.differences else None
    return {
        "run": old.run_id,
        "rerun": new.run_id,
        "state": str(new.state),
        "identical": same,
        "compared": found.compared,
        "different": len(found.differences),
        "first": {**asdict(first), "sentence": first.sentence} if first else None,
        "data": data,
        "environment": around,
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


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
