"""Kills what a failed test leaves running."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest


@pytest.fixture(autouse=True)
def no_process_survives(tmp_path: Path) -> Iterator[None]:
    """Kill what still runs in the test's folder: supervisors first, which would restart the rest."""
    yield
    left = [process for process in psutil.process_iter() if str(tmp_path) in _command(process)]
    for process in sorted(left, key=lambda process: "b4r_tui.runs" not in _command(process)):
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=10)


def _command(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""
