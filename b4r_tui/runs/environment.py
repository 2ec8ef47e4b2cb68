"""A run's `environment.json`: what it ran on, the labels that people read, and what differs between two runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.contract import run_folder
from engine.contract.atomic_files import read_json
from engine.contract.sanitize import sanitize_within

MACHINE = {  # key in the file -> label; a change may move a number in its last digits, or more
    "host": "host",
    "platform": "system",
    "processor": "processor",
    "device": "device",
    "cpu_cores": "CPU cores",
    "threads": "threads per rank",
    "world_size": "ranks",
    "mode": "mode",
    "python": "Python",
}
FINGERPRINTS = {"data_fingerprint": "data fingerprint", "split_fingerprint": "split fingerprint"}
LABELS = {**MACHINE, "dataset": "data", **FINGERPRINTS}
_CODE = ("git_commit", "git_dirty")
Change = tuple[Any, Any]


def read_environment(run_dir: Path) -> dict[str, Any]:
    """Return the run's environment.json, {} where there is none."""
    return read_json(run_dir / run_folder.ENVIRONMENT) or {}


def labelled(environment: dict[str, Any]) -> dict[str, str]:
    """Return what is known of an environment by label, as text that is safe to show, versions of packages last."""
    environment = sanitize_within(environment)
    facts = {label: environment.get(key) for key, label in LABELS.items()}
    packages = environment.get("packages")
    facts |= packages if isinstance(packages, dict) else {}
    return {label: str(value) for label, value in facts.items() if value is not None}


def environment_facts(run_dir: Path) -> dict[str, str]:
    """Return what the last attempt ran on by label, with commit and command; empty before its ranks are up."""
    environment = read_environment(run_dir)
    argv = environment.get("argv")
    facts = {
        "git commit": _commit(environment),
        "command": " ".join(map(str, argv)) if isinstance(argv, list) else "",
    }
    facts = sanitize_within(facts)
    return labelled(environment) | {label: text for label, text in facts.items() if text}


def changes(then: dict[str, Any], now: dict[str, Any]) -> dict[str, Change]:
    """Return what differs in code, machine and packages between two environments: key or package → (then, now)."""
    pairs = {key: (then.get(key), now.get(key)) for key in (*_CODE, *MACHINE) if key in then or key in now}
    packages, others = then.get("packages") or {}, now.get("packages") or {}
    pairs |= {name: (packages.get(name), others.get(name)) for name in dict.fromkeys([*packages, *others])}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def data_changes(then: dict[str, Any], now: dict[str, Any]) -> dict[str, Change]:
    """Return the fingerprints of data and split that both environments hold and that differ."""
    pairs = {key: (then.get(key), now.get(key)) for key in FINGERPRINTS}
    return {key: pair for key, pair in pairs.items() if None not in pair and pair[0] != pair[1]}


def _commit(environment: dict[str, Any]) -> str:
    commit = environment.get("git_commit")
    if not commit:
        return ""
    return f"{commit}, with uncommitted changes" if environment.get("git_dirty") else str(commit)
