"""Describes the machine that is measured, and the environment that measured programs share."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any


def threads() -> int:
    """Return the threads of a measured program: one per core available to this process."""
    return len(os.sched_getaffinity(0))


def environment() -> dict[str, str]:
    """Return the variables of every measured process: equal threads and no GPU; otherwise its own defaults."""
    return {
        "OMP_NUM_THREADS": str(threads()),
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONUNBUFFERED": "1",
    }


def about() -> dict[str, Any]:
    """Return date, processor, cores, threads, load and system for a table's caption."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": processor(),
        "cpus": os.cpu_count(),
        "threads": threads(),
        "load": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    }


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the processor's name and its widest vector instructions."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    values = dict(line.split(":", 1) for line in lines if ":" in line)
    values = {name.strip(): value.strip() for name, value in values.items()}
    flags = values.get("flags", "").split()
    widest = next((name for flag, name in VECTORS.items() if flag in flags), "no AVX2")
    return f"{values.get('model name', platform.machine())}, {widest}"


VECTORS = {"amx_bf16": "AMX bf16", "avx512_bf16": "AVX-512 bf16", "avx512f": "AVX-512", "avx2": "AVX2"}
