"""The installed program works in a real pseudo-terminal: launch, live rows, finished, quit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terminal import Terminal

EXPERIMENTS = """\
[experiments.chain]
description = "Two ranks on a generated chain"
data = {dataset_name = "synthetic", random_user_count = 120, random_item_count = 40, random_size = 2000}
model = {max_len = 16, emb_dim = 16, nhead = 2, num_layers = 1}
training = {num_epochs = 3, train_batch_size = 64}
launch = {j = "1x2", gpu = 0}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "experiments.toml").write_text(EXPERIMENTS)
    yield tmp_path


@pytest.mark.torchrun
def test_launch_live_rows_finished_quit(folder: Path) -> None:
    terminal = Terminal(folder)
    terminal.shows("chain")
    terminal.shows("No runs yet. Press l to launch chain.")
    terminal.press("l")
    terminal.shows("running", seconds=40)
    terminal.shows("/3", seconds=60)
    terminal.shows("✓ finished", seconds=120)
    terminal.press("5")
    terminal.shows("popularity")
    terminal.press("q")
    assert "still active" not in terminal.ends()
    assert terminal.child.exitstatus == 0


@pytest.mark.torchrun
def test_a_run_outlives_the_app_and_is_stopped_from_a_new_one(folder: Path) -> None:
    text = EXPERIMENTS.replace("num_epochs = 3", "num_epochs = 100000")
    (folder / "experiments.toml").write_text(text)
    terminal = Terminal(folder)
    terminal.shows("Press l to launch chain")
    terminal.press("l")
    terminal.shows("● running", seconds=40)
    terminal.press("q")
    assert "1 run still active in" in terminal.ends()
    again = Terminal(folder)
    again.shows("● running")
    again.press("s")
    again.shows("Stop run")
    again.press("y")
    again.shows("■ stopped", seconds=60)
    again.press("q")
    assert "still active" not in again.ends()


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 60)])
def test_other_sizes_show_the_same_panes(folder: Path, columns: int, rows: int) -> None:
    terminal = Terminal(folder, columns, rows)
    terminal.shows("chain")
    terminal.shows("Runs of chain")
    terminal.shows("Launch")
    terminal.press("q")
    terminal.ends()
    assert terminal.child.exitstatus == 0


def test_no_color_shows_no_colour(folder: Path) -> None:
    terminal = Terminal(folder, NO_COLOR="1")
    terminal.shows("Press l to launch chain")
    for colour in terminal.colours() - {"default"}:
        red, green, blue = (int(colour[at : at + 2], 16) for at in (0, 2, 4))
        assert max(red, green, blue) - min(red, green, blue) <= 2, colour
    terminal.press("q")
    terminal.ends()


def test_an_invalid_file_is_fixed_in_the_editor(folder: Path) -> None:
    (folder / "experiments.toml").write_text(EXPERIMENTS.replace("emb_dim", "emb_dm"))
    editor = folder / "editor.sh"
    editor.write_text('#!/bin/sh\necho editing\nsed -i s/emb_dm/emb_dim/ "$1"\n')
    editor.chmod(0o755)
    terminal = Terminal(folder, VISUAL=str(editor))
    terminal.shows("did you mean 'emb_dim'?")
    terminal.press("E")
    terminal.shows("No runs yet. Press l to launch chain.")
    terminal.press("q")
    terminal.ends()
