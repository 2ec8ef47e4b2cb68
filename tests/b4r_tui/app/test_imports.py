"""What the first paint must not wait for."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from b4r_tui.app.widgets.run.tabs import TABS, new_tab
from b4r_tui.app.widgets.run_tab import RunTab

HEAVY = (
    "torch",
    "torchrec",
    "numpy",
    "pandas",
    "textual_plot",
    "tree_sitter",
    "tomlkit",
    "pydantic",
    "psutil",
)


def imported_by_the_app() -> set[str]:
    code = "import json, sys; import b4r_tui.app.app; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(json.loads(done.stdout))


def test_the_app_opens_without_anything_heavy_and_without_tabs() -> None:
    imported = imported_by_the_app()
    tabs = {new_tab(name).__module__ for name in TABS}
    assert not {*HEAVY, *tabs} & imported and "b4r_tui.app.widgets.run.tabs" in imported


@pytest.mark.parametrize("name", TABS)
def test_every_tab_loads(name: str) -> None:
    assert isinstance(new_tab(name), RunTab)
