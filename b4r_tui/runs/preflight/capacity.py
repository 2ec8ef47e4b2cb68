"""How much memory and disk there is: of the machine, or of the control group that holds us."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil

_GROUPS = Path("/sys/fs/cgroup")
_NO_LIMIT = 1 << 60  # what version 1 says where there is none


@dataclass(frozen=True)
class Room:
    """Bytes of main memory: all that may ever be used, and what is free now."""

    total: int
    free: int


def memory(groups: Path = _GROUPS, membership: Path = Path("/proc/self/cgroup")) -> Room:
    """Main memory, or less where a control group allows less."""
    machine = psutil.virtual_memory()
    total, free = machine.total, machine.available
    for limit, used in _limits(groups, membership):
        total, free = min(total, limit), min(free, max(0, limit - used))
    return Room(total, free)


def disk(folder: Path) -> int | None:
    """Free bytes where the folder lies, or will lie; None where that cannot be told."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _limits(groups: Path, membership: Path) -> list[tuple[int, int]]:
    """(limit, used) of the groups that hold us, from our own up to the root."""
    found = []
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
                found.append((int(limit), int(used) if used.isdecimal() else 0))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
