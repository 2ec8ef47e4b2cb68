"""Records the environment of a run: versions, host, devices, git commit, command and data fingerprints."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from engine.contract import run_folder
from engine.contract.atomic_files import read_json, write_json
from engine.data.dataset import Dataset
from engine.distributed.process_group import ProcessGroup

PACKAGES = ("b4r-tui", "torch", "torchrec", "fbgemm-gpu", "fbgemm-gpu-cpu", "numpy", "pandas")


def record_environment(run_dir: Path, dataset: Dataset, group: ProcessGroup, mode: str) -> None:
    """Write environment.json on rank 0, with those of earlier attempts in `earlier`, oldest first."""
    if group.is_first:
        path = run_dir / run_folder.ENVIRONMENT
        before = read_json(path)
        earlier = [*before.pop("earlier", []), before] if before else []
        write_json(path, {**_environment(dataset, group, mode), **({"earlier": earlier} if earlier else {})})


def _environment(dataset: Dataset, group: ProcessGroup, mode: str) -> dict[str, Any]:
    return {
        "v": 1,
        "host": platform.node(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: installed for name in PACKAGES if (installed := _version(name))},
        "git_commit": _git("rev-parse", "HEAD"),
        "git_dirty": _git_dirty(),
        "argv": sys.argv,
        "world_size": group.world_size,
        "mode": mode,
        "device": _device_name(group.device),
        "processor": _processor(),
        "cpu_cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "dataset": dataset.name,
        "data_fingerprint": dataset.data_fingerprint,
        "split_fingerprint": dataset.split_fingerprint,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git_dirty() -> bool | None:
    """Return whether tracked files differ from the commit; None outside a git checkout."""
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return None if changed is None else bool(changed)


def _git(*arguments: str) -> str | None:
    """Return git's output for the running code, None outside a git checkout."""
    folder = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _processor() -> str:
    """Return the model of the CPU, as the kernel names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "cpu"
