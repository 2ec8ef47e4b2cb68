"""What a run ran on, from its `environment.json`, and what of it is not the same for two runs."""

from __future__ import annotations

from typing import Any

from b4r_tui.runs.store import Run
from engine.contract import run_folder
from engine.contract.atomic_files import read_json

# what may move a number in its last digits, or more
_TELLING = (
    "git_commit",
    "git_dirty",
    "python",
    "platform",
    "host",
    "processor",
    "device",
    "cpu_cores",
    "threads",
    "world_size",
    "mode",
)
_DATA = ("data_fingerprint", "split_fingerprint")
Change = tuple[Any, Any]


def surroundings(run: Run) -> dict[str, Any]:
    """The run's environment.json, {} where there is none."""
    return read_json(run.dir / run_folder.ENVIRONMENT) or {}


def changes(then: dict[str, Any], now: dict[str, Any]) -> dict[str, Change]:
    """What differs between two environments: key, or package, → (then, now)."""
    found = {key: (then.get(key), now.get(key)) for key in _TELLING if key in then or key in now}
    packages, others = then.get("packages") or {}, now.get("packages") or {}
    found |= {name: (packages.get(name), others.get(name)) for name in dict.fromkeys([*packages, *others])}
    return {key: pair for key, pair in found.items() if pair[0] != pair[1]}


def data_changes(then: dict[str, Any], now: dict[str, Any]) -> dict[str, Change]:
    """Fingerprints of data and split that are told of both and differ."""
    pairs = {key: (then.get(key), now.get(key)) for key in _DATA}
    return {key: pair for key, pair in pairs.items() if None not in pair and pair[0] != pair[1]}
