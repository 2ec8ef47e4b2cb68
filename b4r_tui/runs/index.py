"""Caches the states of ended runs, so that thousands of them are listed at once.

An entry of `.queue/index.json` is valid for the exit.json it was made from (its time in nanoseconds and its inode);
everything else is read from the folders. It can be deleted at any time, and a lost write only costs time.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from b4r_tui.runs.queue_place import QUEUE_FOLDER
from b4r_tui.runs.state import RunState, read_state
from b4r_tui.runs.store import Run
from engine.contract.atomic_files import read_json, write_json

VERSION = 1
Entry = list[Any]  # mtime_ns, inode, state
_STATES = {state.value: state for state in RunState if state.ended}


def states_of(root: Path, runs: Iterable[Run]) -> dict[Path, RunState]:
    """Return the state of each run now, by its folder; a run that has not ended is always read."""
    known = _load(root)
    valid: dict[str, Entry] = {}
    states: dict[Path, RunState] = {}
    for run in runs:
        name = f"{run.experiment}/{run.run_id}"
        stamp = _stamp(run)
        entry = known.get(name)
        if stamp is None or entry is None or entry[:2] != stamp:
            state = read_state(run.dir)
            entry = [*stamp, state.value] if stamp and state.ended else None
        states[run.dir] = _STATES[entry[2]] if entry else state
        if entry:
            valid[name] = entry
    if valid.keys() - known.keys() or any(known[name] != entry for name, entry in valid.items()):
        _save(root, {**known, **valid} if len(valid) < len(known) else valid)
    return states


def _stamp(run: Run) -> list[int] | None:
    """Return what identifies an exit record, None if there is none."""
    try:
        stat = os.stat(f"{run.dir}/exit.json")  # noqa: PTH116 (a Path would take half the time of listing thousands)
    except OSError:
        return None
    return [stat.st_mtime_ns, stat.st_ino]


def _load(root: Path) -> dict[str, Entry]:
    value = read_json(root / QUEUE_FOLDER / "index.json") or {}
    ended = value.get("ended") if value.get("v") == VERSION else None
    if not isinstance(ended, dict):
        return {}
    return {name: entry for name, entry in ended.items() if _is_entry(entry)}


def _is_entry(entry: object) -> bool:
    return isinstance(entry, list) and len(entry) == 3 and entry[2] in _STATES


def _save(root: Path, ended: dict[str, Entry]) -> None:
    """Write the cache, unless there is nothing to write; a read-only root is listed all the same."""
    if not ended:
        return
    with suppress(OSError):
        (root / QUEUE_FOLDER).mkdir(mode=0o700, exist_ok=True)
        write_json(root / QUEUE_FOLDER / "index.json", {"v": VERSION, "ended": ended})
