"""Reads the kernel's out-of-memory killer: its counters before and after a run, and its log where readable."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_COUNTER = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)
_VICTIM = re.compile(r"Killed process (\d+)")
_LONGEST_RECORD = 8192  # bytes the kernel gives at once
_MOST_RECORDS = 100_000


@dataclass(frozen=True)
class Kills:
    """How often the killer has struck in this process's control group and on the machine; None where unknown."""

    group: int | None
    machine: int | None

    def more_than(self, before: Kills) -> bool | None:
        """Return whether it struck since `before`; None where the kernel does not report it."""
        pairs = [(self.group, before.group), (self.machine, before.machine)]
        risen = [now > then for now, then in pairs if now is not None and then is not None]
        return any(risen) if risen else None


def kills(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> Kills:
    """Return the counters now. proc, groups: where those file systems are mounted."""
    paths = [groups / path for path in _group_files(_read(proc / "self/cgroup"))]
    return Kills(_first_counter(paths), _first_counter([proc / "vmstat"]))


def victims(log: Path = Path("/dev/kmsg")) -> set[int]:
    """Return the pids that the killer ended, as far back as the kernel's log goes; empty if it is not readable."""
    pids: set[int] = set()
    with suppress(OSError):
        fd = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
        try:
            for _ in range(_MOST_RECORDS):
                record = os.read(fd, _LONGEST_RECORD)
                if not record:
                    break
                pids |= {int(pid) for pid in _VICTIM.findall(record.decode(errors="replace"))}
        finally:
            os.close(fd)
    return pids


def _group_files(membership: str) -> list[str]:
    """Return where the group's counter may be, in both versions of control groups; a container sees its own as /."""
    files = []
    for line in membership.splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":
            files += [f"memory{path}/memory.oom_control", "memory/memory.oom_control"]
        elif not controllers:
            files += [f"{path.strip('/')}/memory.events", "memory.events"]
    return files


def _first_counter(paths: list[Path]) -> int | None:
    matches = (_COUNTER.search(_read(path)) for path in paths)
    return next((int(match[1]) for match in matches if match), None)


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
