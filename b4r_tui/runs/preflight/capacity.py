"""Memory and disk of the machine, or of the control group that limits this process."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil

_GROUPS = Path("/sys/fs/cgroup")
_NO_LIMIT = 1 << 60  # what control groups of version 1 report where there is no limit


@dataclass(frozen=True)
class Capacity:
    """Bytes of main memory: in all, and free now."""

    total: int
    free: int


def memory(groups: Path = _GROUPS, membership: Path = Path("/proc/self/cgroup")) -> Capacity:
    """Return the main memory, or less where a control group allows less."""
    machine = psutil.virtual_memory()
    total, free = machine.total, machine.available
    for limit, used in _limits(groups, membership):
        total, free = min(total, limit), min(free, max(0, limit - used))
    return Capacity(total, free)


def disk(folder: Path) -> int | None:
    """Return the free bytes of the disk that holds the folder, or will hold it; None where that is unknown."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _limits(groups: Path, membership: Path) -> list[tuple[int, int]]:
    """Return (limit, used) of the groups of this process, from its own up to the root."""
    limits = []
    for line in _text(membership).splitlines() or ["0::/"]:
        _, controllers, path = line.split(":", 2)
        names = ("memory.max", "memory.current")
        root = groups
        if controllers == "memory":
            names, root = ("memory.limit_in_bytes", "memory.usage_in_bytes"), groups / "memory"
        elif controllers:
            continue
        folder = root / path.strip("/")
        for place in (folder, *(p for p in folder.parents if p.is_relative_to(root))):
            limit, used = (_text(place / name).strip() for name in names)
            if limit.isdecimal() and int(limit) < _NO_LIMIT:
                limits.append((int(limit), int(used) if used.isdecimal() else 0))
    return limits


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
