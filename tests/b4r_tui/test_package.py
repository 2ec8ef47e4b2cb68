"""The built package, installed where there is no repository, does what the repository's does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from b4r_tui import __version__
from tests.b4r_tui.conftest import GOOD

pytestmark = pytest.mark.long
REPOSITORY = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__")
MADE = {"runs", "datasets"}  # by running things at the top of the repository
OPEN_APP = """
import asyncio, sys
from pathlib import Path
from b4r_tui.app.app import B4RApp
async def open_it():
    async with B4RApp(Path("experiments.toml"), Path("runs")).run_test() as pilot:
        await pilot.pause()
        await pilot.press("e")
        await pilot.pause()
        print(type(pilot.app.screen).__name__)
asyncio.run(open_it())
"""


def run(*command: str, cwd: Path, **environment: str) -> str:
    """Run a program without the repository on its path; its output."""
    outside = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=outside | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def not_of_the_source(folder: str, names: list[str]) -> set[str]:
    return LEFT_OUT(folder, names) | (MADE if Path(folder) == REPOSITORY else set())


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs' folder of an environment with the wheel, which was built from the source archive.

    The packages it depends on are those of these tests; its own come first on the path.
    """
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(REPOSITORY, folder / "copy", ignore=not_of_the_source)
    build = "import setuptools.build_meta as b, sys; print(getattr(b, sys.argv[1])(sys.argv[2]))"
    archive = run(sys.executable, "-c", build, "build_sdist", str(folder), cwd=folder / "copy").split()[-1]
    with tarfile.open(folder / archive) as file:
        file.extractall(folder, filter="data")
    source = folder / archive.removesuffix(".tar.gz")
    assert {"examples", "packaging", "tests", "Makefile"} <= {path.name for path in source.iterdir()}
    wheel = run(sys.executable, "-c", build, "build_wheel", str(folder), cwd=source).split()[-1]
    run(sys.executable, "-m", "venv", "--without-pip", str(folder / "venv"), cwd=folder)
    python = str(folder / "venv" / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--quiet"]
    run(*pip, str(folder / wheel), cwd=folder)
    own = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    Path(own, "theirs.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "venv" / "bin"


def test_both_ways_to_start_it_are_there(installed: Path, tmp_path: Path) -> None:
    assert run(str(installed / "b4r-tui"), "--version", cwd=tmp_path) == f"b4r-tui {__version__}\n"
    assert run(str(installed / "python"), "-m", "b4r_tui", "--version", cwd=tmp_path).endswith(
        f"{__version__}\n"
    )
    where = run(
        str(installed / "python"), "-c", "import engine, b4r_tui; print(b4r_tui.__file__)", cwd=tmp_path
    )
    assert Path(where.strip()).is_relative_to(installed.parent)
    assert json.loads(run(str(installed / "b4r-tui"), "schema", cwd=tmp_path))["properties"]


def test_a_file_is_checked_run_and_reported(
    installed: Path, tmp_path: Path, experiments_file: Callable[..., Path], fake_torchrun: None
) -> None:
    file = experiments_file(tiny=GOOD)
    stand_in = {"PYTHONPATH": str(tmp_path / "stand-in"), "B4R_GRACE": "1"}
    program = str(installed / "b4r-tui")
    assert "OK: 1 experiment" in run(program, "validate", str(file), cwd=tmp_path)
    told = run(program, "--run", str(file), "--json", cwd=tmp_path, **stand_in).splitlines()
    assert json.loads(told[-1])
    assert [each["state"] for each in json.loads(run(program, "runs", "--json", cwd=tmp_path))] == [
        "finished"
    ]
    run(program, "export", "-o", "report.html", cwd=tmp_path)
    assert "tiny" in (tmp_path / "report.html").read_text()


def test_the_app_opens_with_its_styles(
    installed: Path, tmp_path: Path, experiments_file: Callable[..., Path]
) -> None:
    experiments_file(tiny=GOOD)
    assert run(str(installed / "python"), "-c", OPEN_APP, cwd=tmp_path).strip() == "EditorScreen"
