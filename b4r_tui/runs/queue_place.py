"""Reads and writes a run's place in the queue, `queue.json` in its folder: priority, order, paused, predecessors.

Without the file a run's place follows from the time it was queued. Only commands write it, one at a time (`editing`),
and only while the run is queued.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b4r_tui.runs.locks import hold
from engine.contract import run_folder
from engine.contract.atomic_files import read_json, write_json

if TYPE_CHECKING:
    from b4r_tui.runs.records import StatusRecord

QUEUE_FOLDER = ".queue"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place in the queue. priority: higher starts first. order: lower starts first, None: the time it was queued.

    after: names `<experiment>/<run_id>` of runs that must finish first. retry_of: the run that it replaces.
    """

    priority: float = 0.0
    order: float | None = None
    paused: bool = False
    after: tuple[str, ...] = ()
    retry_of: str | None = None


def read_place(run_dir: Path) -> Place:
    """Return the run's place; the default one if the file is missing or unreadable."""
    value = read_json(run_dir / run_folder.QUEUE) or {}
    known = {each.name for each in fields(Place)} & value.keys()
    settings: dict[str, Any] = {name: value[name] for name in known}
    return Place(**{**settings, "after": tuple(settings.get("after", ()))})


def write_place(run_dir: Path, place: Place) -> None:
    """Write `queue.json` in one step. Raises OSError."""
    write_json(run_dir / run_folder.QUEUE, {"v": 1, **asdict(place)})


def sort_key(place: Place, status: StatusRecord) -> tuple[float, float, str]:
    """Return the key by which runs start, smallest first."""
    order = status.queued_at if place.order is None else place.order
    return -place.priority, order, status.run_id


def queue_folder(root: Path) -> Path:
    """Return `<root>/.queue`, created if missing. Raises OSError."""
    folder = root / QUEUE_FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@contextmanager
def editing(root: Path) -> Iterator[None]:
    """Hold the lock for changes to the queue of this root. Raises OSError."""
    lock = hold(queue_folder(root) / "edit.lock")
    try:
        yield
    finally:
        os.close(lock)
