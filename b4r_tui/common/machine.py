"""CPU cores and NVIDIA GPUs of this machine, and how many GPUs a launch takes."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the runner counts slots without pydantic
    from engine.contract.config.launch import LaunchConfig

CPUS_VARIABLE = "B4R_CPUS"
_DRIVER_FOLDER = Path("/proc/driver/nvidia/gpus")


def cpu_cores() -> int:
    """Return the CPU cores this process may use, at least 1 and at most B4R_CPUS, which the queue sets per run."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    given = os.environ.get(CPUS_VARIABLE, "")
    return min(usable, max(1, int(given))) if given.isdecimal() else usable


@cache
def gpu_names() -> tuple[str, ...]:
    """Return the NVIDIA GPUs a new process would see, as CUDA_VISIBLE_DEVICES names them; () if none."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return _until_invalid(visible)
    return tuple(str(index) for index in range(_installed_gpus()))


def gpus_for(launch: LaunchConfig) -> int:
    """Return the GPUs a launch takes: its count, or for `auto` one per process if there are enough, else 0 (CPU)."""
    if launch.gpu == "auto":
        return launch.processes if len(gpu_names()) >= launch.processes else 0
    return launch.gpu


def _until_invalid(visible: str) -> tuple[str, ...]:
    """Return the entries of CUDA_VISIBLE_DEVICES that CUDA uses: all before the first invalid one."""
    names: list[str] = []
    for name in visible.split(","):
        if not name.strip() or name.strip().startswith("-"):
            break
        names.append(name.strip())
    return tuple(names) if _installed_gpus() else ()


def _installed_gpus() -> int:
    """Return the number of GPUs the NVIDIA driver lists."""
    if _DRIVER_FOLDER.is_dir():
        return len(list(_DRIVER_FOLDER.iterdir()))
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return 0
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
