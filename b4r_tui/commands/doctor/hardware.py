"""Checks of processors, memory, GPUs and disk, as far as this process may use them."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from b4r_tui.commands.doctor.check import Check, judged
from b4r_tui.common.machine import cpu_cores, gpu_names
from b4r_tui.runs.preflight import capacity
from b4r_tui.runs.preflight.check import in_gb
from engine.contract.resource_estimate import BASE

_LEAST_DISK = 2 * 10**9
_LEAST_FILES = 1024
_LEAST_SHARED = 64 << 20
_GPU_QUERY = [
    "nvidia-smi",
    "--query-gpu=name,driver_version,memory.total,memory.free",
    "--format=csv,noheader",
]


def hardware(root: Path) -> Iterator[Check]:
    """Yield all checks. root: the runs root, whose disk is checked."""
    yield Check("processors", "ok", f"{cpu_cores()} of {os.cpu_count()} cores available{_quota()}")
    memory = capacity.memory()
    yield judged(
        "memory",
        f"{in_gb(memory.free)} free of {in_gb(memory.total)}",
        memory.free > 2 * BASE,
        "close other programs, or raise the memory limit of the container or job: a rank needs about 1 GB",
        required=memory.free < BASE,
    )
    yield _shared_memory()
    free = capacity.disk(root.absolute())
    yield judged(
        "disk",
        f"{in_gb(free or 0)} free at {root}",
        (free or 0) > _LEAST_DISK,
        "free some space, or choose another folder with --runs",
    )
    yield from _gpus()
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield judged("open files", f"{files} at most", files >= _LEAST_FILES, "run `ulimit -n 4096` first")
    yield _port()


def _quota() -> str:
    """Return the control group's CPU limit in words, or "" if it has none."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return "" if quota == "max" else f", limited to {int(quota) / int(period):g}"
    except (OSError, ValueError):
        return ""


def _shared_memory() -> Check:
    place = Path("/dev/shm")
    if not place.is_dir():
        return Check("shared memory", "warning", "no /dev/shm", "mount a tmpfs there; some programs need it")
    free = shutil.disk_usage(place).free
    fix = "empty or enlarge it: mount -o remount,size=8G /dev/shm, or docker run --shm-size=8g"
    return judged("shared memory", f"{in_gb(free)} free in /dev/shm", free >= _LEAST_SHARED, fix)


def _gpus() -> Iterator[Check]:
    if not gpu_names():
        yield Check("gpus", "ok", "none available; runs train on CPU")
        return
    try:
        done = subprocess.run(_GPU_QUERY, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        yield Check(
            "gpus", "warning", f"{len(gpu_names())}, but nvidia-smi fails: {error}", "repair the driver"
        )
        return
    for line in done.stdout.strip().splitlines():
        yield Check("gpu", "ok", line)


def _port() -> Check:
    try:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(1)
            return Check("port", "ok", f"available, e.g. {listener.getsockname()[1]}")
    except OSError as error:
        return Check(
            "port", "problem", f"none can be opened: {error}", "check with `ss -s` which processes use them"
        )
