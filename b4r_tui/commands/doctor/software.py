"""Checks of Python and the packages: their versions, and whether a separate process can import them."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import distributions

from b4r_tui.commands.doctor.check import Check, judged

PACKAGES = {"torch": ("torch",), "torchrec": ("torchrec",), "fbgemm_gpu": ("fbgemm-gpu-cpu", "fbgemm-gpu")}
IMPORT_SECONDS = 300
_REINSTALL = "reinstall the program in its own virtual environment (make demo)"


def software() -> Iterator[Check]:
    """Yield the check of Python, then that of each package."""
    supported = (3, 10) <= sys.version_info[:2] <= (3, 13)
    yield judged(
        "python", f"{platform.python_version()} at {sys.executable}", supported, "use Python 3.10 to 3.13"
    )
    for module, names in PACKAGES.items():
        yield (
            Check(module, "ok", found)
            if (found := _version(names))
            else Check(module, "problem", "not installed", _REINSTALL)
        )
    yield imports(tuple(PACKAGES))


def imports(modules: tuple[str, ...]) -> Check:
    """Return whether the modules can be imported together in one process."""
    started = time.monotonic()
    command = [sys.executable, "-W", "ignore", "-c", f"import {', '.join(modules)}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=IMPORT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check(
            "imports",
            "problem",
            f"did not finish: {error}",
            "check what keeps the machine busy, then try again",
        )
    seconds = time.monotonic() - started
    if done.returncode == 0:
        return Check("imports", "ok", f"{', '.join(modules)} imported in {seconds:.1f} s")
    lines = done.stderr.strip().splitlines() or [f"ended with exit code {done.returncode}"]
    return Check("imports", "problem", lines[-1], _REINSTALL)


def _version(names: tuple[str, ...]) -> str | None:
    """Return the version of the first of these distributions that is installed."""
    found = (distribution.version for name in names for distribution in distributions(name=name))
    return next(found, None)
