"""The app works inside tmux: it is drawn at 80 × 24, receives keys, resizes, and exits cleanly."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terminal import PROGRAM

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
EXPERIMENTS = """\
[experiments.chain]
description = "評価 🎬 a generated chain"
data = {dataset_name = "synthetic", random_user_count = 120, random_item_count = 40, random_size = 2000}
"""


class Tmux:
    """A separate tmux server with one window."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, *arguments: str) -> str:
        command = ["tmux", "-f", "/dev/null", "-S", str(self._folder / "socket"), *arguments]
        environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        completed = subprocess.run(
            command, cwd=self._folder, env=environment, capture_output=True, text=True, check=False
        )
        return completed.stdout

    def shows(self, *texts: str, gone: str = "") -> str:
        """Wait until the window shows `texts` and not `gone`; return its content."""
        deadline = time.monotonic() + 30
        while True:
            lines = self("capture-pane", "-p")
            if all(text in lines for text in texts) and not (gone and gone in lines):
                return lines
            assert time.monotonic() < deadline, f"{texts} did not appear:\n{lines}"
            time.sleep(0.1)


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    (tmp_path / "experiments.toml").write_text(EXPERIMENTS)
    tmux = Tmux(tmp_path)
    yield tmux
    tmux("kill-server")


def test_the_app_works_in_tmux(tmux: Tmux) -> None:
    shell = f"{PROGRAM}; echo code $?; exec sh"
    tmux("new-session", "-d", "-x", "80", "-y", "24", shell)
    lines = tmux.shows("Press l to launch chain", "評価 🎬", "Launch").rstrip("\n").split("\n")
    assert len(lines) <= 24
    tmux("send-keys", "?")
    tmux.shows("Esc closes")
    tmux("send-keys", "Escape")
    tmux.shows("Press l to launch chain", gone="Esc closes")
    tmux("send-keys", "C-p")
    tmux.shows("Search for commands")
    tmux("send-keys", "-l", "high-contrast")
    tmux.shows("Theme: b4r-high-contrast")
    tmux("send-keys", "Escape")
    tmux.shows("Press l to launch chain", gone="Theme:")
    tmux("resize-window", "-x", "120", "-y", "36")
    tmux.shows("Press l to launch chain", "^p palette")
    tmux("send-keys", "q")
    tmux.shows("code 0")
