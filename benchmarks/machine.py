"""What machine the figures are of, and the environment that measured programs share."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any


def threads() -> int:
    """Threads for whatever is measured: one for each core that this process may use."""
    return len(os.sched_getaffinity(0))


def environment() -> dict[str, str]:
    """Variables of every measured process: the same threads for all and no GPU; for the rest its own defaults."""
    return {
        "OMP_NUM_THREADS": str(threads()),
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONUNBUFFERED": "1",
    }


def about() -> dict[str, Any]:
    """Date, processor, cores, threads, load and kernel, for a table's foot."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": processor(),
        "cpus": os.cpu_count(),
        "threads": threads(),
        "load": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    }


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name and the widest vectors that it has."""
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
