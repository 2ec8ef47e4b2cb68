"""A copy of the fixture with the placeholders of `make_fixture` filled in for this machine."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from b4r_tui.runs.locks import hold
from b4r_tui.runs.store import Run, RunStore
from tests.compatibility.make_fixture import BINARIES
from tests.conftest import ROOT

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    """A runs root that the previous version wrote; experiments.toml and the app's state are in the folder above."""
    shutil.copytree(FIXTURES, tmp_path, dirs_exist_ok=True)
    with tarfile.open(tmp_path / BINARIES) as archive:
        archive.extractall(tmp_path)
    (tmp_path / BINARIES).unlink()
    words = {
        "@ROOT@": str(tmp_path),
        "@CHECKOUT@": str(ROOT),
        "@PYTHON@": sys.executable,
        "@PREFIX@": sys.prefix,
        "@HOST@": platform.node(),
    }
    for path in tmp_path.rglob("*"):
        if (
            {"checkpoints", "predictions"}.isdisjoint(path.parts)
            and path.is_file()
            and b"@" in (data := path.read_bytes())
        ):
            for placeholder, word in words.items():
                data = data.replace(placeholder.encode(), word.encode())
            path.write_bytes(data)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("B4R_CPUS", "1")
    return RunStore(tmp_path / "runs")


def supervise_as_before(run: Run) -> None:
    """Run a queued run to its end by the command line with which a runner of the previous version starts it."""
    run.log_path().parent.mkdir(exist_ok=True)
    lock = hold(run.dir / "lock")
    try:
        subprocess.run(
            [sys.executable, "-m", "b4r_tui.runs.supervisor", str(run.dir), "--lock-fd", str(lock)],
            pass_fds=[lock],
            check=True,
            timeout=300,
        )
    finally:
        os.close(lock)
