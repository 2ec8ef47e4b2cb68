"""What a run takes along from the shell that queued it: the interpreter and the settings among its variables.

The runner that starts it later may have come from another shell. Other variables are the runner's; none whose
name speaks of a secret is written down.
"""

from __future__ import annotations

import os
import re
import sys
from typing import Any

_SETTINGS = re.compile(
    r"PATH|HOME|TMPDIR|VIRTUAL_ENV|LD_LIBRARY_PATH|LANG|XDG_CACHE_HOME"
    r"|(PYTHON|CUDA|NVIDIA|NCCL|GLOO|TORCH|PYTORCH|FBGEMM|OMP|GOMP|KMP|MKL|OPENBLAS|MALLOC|THP|B4R|LC_|SLURM|SBATCH)"
    r"\w*"
)
_SECRET = re.compile(r"TOKEN|SECRET|PASS|KEY|CREDENTIAL|AUTH")
_OURS = (
    "B4R_RUN_ID",
    "B4R_RUN_DIR",
    "B4R_CPUS",
    "B4R_QUEUE_IDLE",
)  # of the run or runner that launches from within


def shell_now() -> dict[str, Any]:
    """The fields `python` and `env` of a status."""
    kept = {name: value for name, value in os.environ.items() if is_setting(name)}
    return {"python": sys.executable, "env": kept}


def supervisor_environment(env: dict[str, str]) -> dict[str, str]:
    """The environment of a supervisor: ours, with the settings that its run brought along in place of ours."""
    others = {name: value for name, value in os.environ.items() if not (env and is_setting(name))}
    return {name: value for name, value in others.items() if name not in _OURS} | env


def is_setting(name: str) -> bool:
    """Whether a run takes this variable along."""
    return bool(_SETTINGS.fullmatch(name)) and not _SECRET.search(name) and name not in _OURS
