"""Settings of the queue of a runs root, `.queue/settings.json`, and the file that wakes its runner."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from b4r_tui.runs.queue_place import QUEUE_FOLDER, queue_folder
from engine.contract.atomic_files import read_json, write_json

ELSEWHERE = 16  # concurrent runs on clusters, each with a supervisor here


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Whether the queue is paused, and its limits: CPU threads and runs of this machine, runs on clusters (elsewhere).

    None means all cores of the machine, and no limit of runs.
    """

    paused: bool = False
    cpus: int | None = None
    runs: int | None = None
    elsewhere: int = ELSEWHERE


def read_settings(root: Path) -> Settings:
    """Return the queue's settings; the defaults if the file is missing or unreadable."""
    value = read_json(root / QUEUE_FOLDER / "settings.json") or {}
    known = {each.name for each in fields(Settings)} & value.keys()
    settings: dict[str, Any] = {name: value[name] for name in known}
    return Settings(**settings)


def write_settings(root: Path, settings: Settings) -> None:
    """Write the settings in one step; the runner applies them at once. Raises OSError."""
    write_json(queue_folder(root) / "settings.json", {"v": 1, **asdict(settings)})
    wake(root)


def wake(root: Path) -> None:
    """Make the runner read the runs now rather than in some seconds. Raises OSError."""
    path, now = queue_folder(root) / "wake", time.time_ns()
    path.touch(mode=0o600)
    os.utime(path, ns=(now, now))  # finer than the file system's own clock


def woken_at(root: Path) -> int:
    """Return when the runner was last woken, in nanoseconds; 0 for never."""
    try:
        return (root / QUEUE_FOLDER / "wake").stat().st_mtime_ns
    except OSError:
        return 0
