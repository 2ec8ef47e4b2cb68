"""The app breaks in a real terminal: one line with the log's place, exit code 1, and a terminal that works."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from b4r_tui.app.crash_log import MAX_LOGS, crash_line, write_log
from tests.b4r_tui.app.conftest import Place
from tests.terminal import Terminal

BROKEN = """
import sys
from b4r_tui.commands.main import main
from b4r_tui.app.poller import Poller
from b4r_tui.app.screens.main.screen import MainScreen

def broken(*_):
    raise RuntimeError("broken [b]\\nhere [/")

setattr({place})
sys.exit(main())
"""
AFTER = 'echo "code $?"; stty -a | grep -o " echo \\| icanon " | tr -d "\\n"'
ESCAPES = re.compile(r"\x1b\[[0-9;?<>=]*[a-zA-Z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[=>]")


def broken_at(place: Place, where: str, keys: str, state: Path) -> str:
    """What a person reads below the app after it broke, the shell's answers last."""
    program = place.folder / "broken.py"
    program.write_text(BROKEN.format(place=where))
    shell = ["sh", "-c", f'"{sys.executable}" broken.py; {AFTER}']
    terminal = Terminal(place.folder, command=shell, XDG_STATE_HOME=str(state))
    if keys:
        terminal.shows("No runs yet")
        terminal.press(keys)
    terminal.ends(30)
    assert terminal.raw.count("\x1b[?1049l") == 1  # back from the alternate screen
    assert terminal.raw.rindex("\x1b[?25h") > terminal.raw.rindex("\x1b[?25l")  # with its cursor
    return ESCAPES.sub("", terminal.raw.rpartition("\x1b[?1049l")[2])


@pytest.mark.parametrize(
    ("where", "keys"),
    [
        ('MainScreen, "action_reload", broken', "r"),
        ('MainScreen, "compose", broken', ""),
        ('Poller, "poll", broken', ""),
    ],
    ids=["a key", "the first paint", "a thread"],
)
def test_one_line_says_what_happened_and_where_the_log_is(
    place: Place, tmp_path: Path, where: str, keys: str
) -> None:
    said = broken_at(place, where, keys, tmp_path / "state")
    (log,) = (tmp_path / "state" / "b4r-tui").glob("crash-*.log")
    line, code, works = [part for part in said.splitlines() if part.strip()]
    assert line == (
        f"b4r-tui crashed: RuntimeError: broken [b] here [/. Log: {log}. Training runs are not affected."
    )
    assert code == "code 1"
    assert works.split() == ["icanon", "echo"]
    text = log.read_text()
    assert (
        "Traceback (most recent call last)" in text and "in broken" in text and "TERM=xterm-256color" in text
    )
    assert log.stat().st_mode & 0o077 == 0


def test_where_no_log_can_be_written_the_line_says_that(place: Place, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    said = broken_at(place, 'MainScreen, "action_reload", broken', "r", tmp_path / "state")
    line = next(part for part in said.splitlines() if part.strip())
    assert "b4r-tui crashed: RuntimeError: broken [b] here [/. Log: no log could be written to " in line
    assert "code 1" in said


def test_the_newest_logs_are_kept(tmp_path: Path) -> None:
    for number in range(MAX_LOGS + 3):
        (tmp_path / f"crash-20200101-0000{number:02}-1.log").touch()
    new = write_log(ValueError("x"), tmp_path, 1_760_000_000.0)
    assert new in tmp_path.iterdir() and len(list(tmp_path.iterdir())) == MAX_LOGS


def test_a_long_error_and_control_characters_stay_one_line(tmp_path: Path) -> None:
    line = crash_line(ValueError("\x1b]0;title\x07" + "long\n" * 200), tmp_path, 1_760_000_000.0)
    assert "\n" not in line and "\x1b" not in line and "\x07" not in line
    assert len(line) < 400 and "…" in line


async def test_leaving_at_once_breaks_nothing(place: Place) -> None:
    """What was read meanwhile may come to an app without screens."""
    place.finished()
    for pauses in range(4):
        app = place.app()
        async with app.run_test() as pilot:
            for _ in range(pauses):
                await pilot.pause()
            await pilot.press("q")
        assert app.crash is None and app.return_code == 0
