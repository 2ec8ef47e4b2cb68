"""What a run ran on and how often it was taken up: read from environment.json and attempts/N of its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from b4r_tui.runs.records import ExitRecord, read_exit, read_status
from engine.contract import run_folder
from engine.contract.atomic_files import read_json
from engine.contract.sanitize import sanitize_within

FACTS = {  # of environment.json, by what they are called here
    "host": "host",
    "system": "platform",
    "processor": "processor",
    "device": "device",
    "CPU cores": "cpu_cores",
    "threads a rank": "threads",
    "ranks": "world_size",
    "mode": "mode",
    "Python": "python",
    "data": "dataset",
    "data fingerprint": "data_fingerprint",
    "split fingerprint": "split_fingerprint",
}


@dataclass(frozen=True)
class Attempt:
    """One start of a run; times in unix seconds. ended: None while it runs, or where nobody wrote how it ended."""

    number: int
    started_at: float | None
    ended: ExitRecord | None
    ranks: int | None


def environment_of(run_dir: Path) -> dict[str, str]:
    """What the last attempt ran on, in words; empty before it has said so."""
    said = sanitize_within(read_json(run_dir / run_folder.ENVIRONMENT) or {})
    facts = {label: _word(said.get(key)) for label, key in FACTS.items()}
    packages = said.get("packages")
    facts |= {str(k): _word(v) for k, v in packages.items()} if isinstance(packages, dict) else {}
    facts["git commit"] = _commit(said)
    argv = said.get("argv")
    facts["command"] = " ".join(map(str, argv)) if isinstance(argv, list) else ""
    return {label: word for label, word in facts.items() if word}


def attempts_of(run_dir: Path) -> list[Attempt]:
    """All starts of the run, the last one last."""
    folders = [each for each in (run_dir / run_folder.ATTEMPTS).glob("*") if each.name.isdecimal()]
    before = [
        _attempt(folder, int(folder.name)) for folder in sorted(folders, key=lambda each: int(each.name))
    ]
    return [*before, _attempt(run_dir, len(before) + 1)]


def _attempt(folder: Path, number: int) -> Attempt:
    status = read_status(folder)
    return Attempt(number, status.started_at if status else None, read_exit(folder), _ranks(folder))


def _ranks(folder: Path) -> int | None:
    from engine.contract.config.experiment import read_run_config
    from engine.contract.errors import B4RError

    try:
        return read_run_config(folder).launch.ranks
    except B4RError:
        return None


def _commit(said: dict[str, Any]) -> str:
    commit = _word(said.get("git_commit"))
    return commit + (", with changes" if commit and said.get("git_dirty") else "")


def _word(value: Any) -> str:
    return "" if value is None else str(value)
