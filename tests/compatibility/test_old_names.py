"""Command lines of the previous version start the modules of today."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import engine
from engine.contract.old_names import MOVED
from tests.conftest import ROOT

PROGRAMS = (
    "b4r_tui.runs.runner",
    "b4r_tui.runs.supervisor",
    "b4r_tui.runs.backends.agent",
    "engine.evaluate",
    "engine.export_model",
    "engine.rate_fairness",
    "engine.recommend",
)
WITHOUT_HELP = {  # old name -> where it complains that it has no arguments
    "b4r_tui.runs.backends.torchx_program": "b4r_tui/runs/supervision/backends/torchx_program.py",
    "b4r_tui.serve.tab": "b4r_tui/web/tab.py",
    "b4r_tui.trackers.watch": "b4r_tui/runs/trackers/watch.py",
}


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python far from the checkout, every warning an error."""
    command = [sys.executable, "-W", "error::DeprecationWarning:runpy", *arguments]
    env = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env=env, timeout=300
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_starts_under_its_old_name(name: str, tmp_path: Path) -> None:
    done = run("-m", name, "--help", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: ")
    assert not done.stderr


@pytest.mark.parametrize("name", WITHOUT_HELP)
def test_a_program_without_help_starts_under_its_old_name(name: str, tmp_path: Path) -> None:
    done = run("-m", name, folder=tmp_path)
    assert str(ROOT / WITHOUT_HELP[name]) in done.stderr
    assert "in <module>\n" in done.stderr


def test_an_older_console_script_starts(tmp_path: Path) -> None:
    done = run("-c", "from b4r_tui.cli import main; main(['--version'])", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


@pytest.mark.parametrize(("old", "today"), MOVED.items())
def test_every_old_name_is_a_module_of_today_and_hides_none(old: str, today: str) -> None:
    spec, now = find_spec(old), find_spec(today)
    assert spec is not None and now is not None and spec.origin == now.origin
    path = Path(engine.__file__).parent.parent.joinpath(*old.split("."))
    assert not path.with_suffix(".py").exists() and not (path / "__init__.py").exists()


def test_unknown_names_stay_unknown() -> None:
    assert find_spec("engine.nothing") is None
    with pytest.raises(ModuleNotFoundError):
        __import__("b4r_tui.serve.nothing")
