"""Records what a run inherits from the shell that queued it: the interpreter and settings among its variables.

The runner that starts it later may come from another shell. Other variables are the runner's; none whose name
suggests a secret is written down.
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
)  # of the run or runner that this launch was made in


def shell_now() -> dict[str, Any]:
    """Return the fields `python` and `env` of a status."""
    env = {name: value for name, value in os.environ.items() if is_setting(name)}
    return {"python": sys.executable, "env": env}


def supervisor_environment(env: dict[str, str]) -> dict[str, str]:
    """Return the environment of a supervisor: this process's, with the settings of its run in place of its own."""
    others = {name: value for name, value in os.environ.items() if not (env and is_setting(name))}
    return {name: value for name, value in others.items() if name not in _OURS} | env


def is_setting(name: str) -> bool:
    """Return whether a run inherits this variable."""
    return bool(_SETTINGS.fullmatch(name)) and not _SECRET.search(name) and name not in _OURS
