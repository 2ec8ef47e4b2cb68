"""A day's work in a real terminal: from an empty folder through the tour to runs, a comparison and an export."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli

from b4r_tui.runs.store import RunStore
from tests.b4r_tui.conftest import end_all
from tests.terminal import Terminal

TIMEOUT = 240.0  # seconds: for a run to start on a busy machine
ENTER, ESCAPE, DOWN, SAVE = "\r", "\x1b", "\x1b[B", "\x13"


class User:
    """A user at a terminal who waits for the screen before the next key."""

    def __init__(self, folder: Path) -> None:
        self.terminal = Terminal(folder, 140, 40, XDG_STATE_HOME=str(folder / "state"))

    def sees(self, *texts: str) -> None:
        """Wait until the screen shows all texts."""
        for text in texts:
            self.terminal.shows(text, TIMEOUT)

    def press(self, keys: str, *texts: str) -> None:
        """Press keys, and wait until the screen shows all texts."""
        self.terminal.press(keys)
        self.sees(*texts)

    def press_until_gone(self, keys: str, text: str) -> None:
        """Press keys, and wait until a text is gone from the screen."""
        self.terminal.press(keys)
        self.terminal.lacks(text, TIMEOUT)

    def leaves(self) -> str:
        """Quit; return the output in the shell."""
        self.terminal.press("q")
        output = self.terminal.ends(TIMEOUT)
        assert self.terminal.child.exitstatus == 0
        return output


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    """Yield the runs, whose processes end with the test."""
    store = RunStore(tmp_path / "runs")
    yield store
    end_all(store)


def epochs_of(file: Path, name: str) -> object:
    """Return an experiment's num_epochs in the file."""
    return tomli.loads(file.read_text())["experiments"][name].get("training", {}).get("num_epochs")


@pytest.mark.long
@pytest.mark.torchrun
@pytest.mark.timeout(1800)
def test_a_days_work(tmp_path: Path, store: RunStore) -> None:
    file = tmp_path / "experiments.toml"
    user = User(tmp_path)

    # the tour creates a file
    user.sees("Welcome", "1/4")
    user.press("n", "The keys", "2/4")
    user.press("n", "Files and folders", "3/4")
    user.press("n", "4/4", "Create experiments.toml")
    user.press(ENTER, "Created experiments.toml", "No runs yet. Press l to launch chain-ddp.")

    # two epochs are enough: the form changes the line in the file
    set_epochs(user, "2")
    assert epochs_of(file, "chain-ddp") == 2
    assert "# nodes x processes" in file.read_text()

    # two runs, and their progress
    user.press("l", "Launched chain-ddp", "● running")
    user.press(DOWN, "No runs yet. Press l to launch chain-dmp.")
    user.press("l", "Launched chain-dmp")
    user.press("a", "Runs of all experiments", "/2")
    assert "again to monitor" in " ".join(user.leaves().split())

    # they keep training without the app
    user = User(tmp_path)
    user.sees("Experiments", "chain-dmp")
    user.press("a", "Runs of all experiments", "2 finished")
    assert sorted(run.experiment for run in store.runs()) == ["chain-ddp", "chain-dmp"]

    # an endless one is stopped
    set_epochs(user, "99999")
    user.press("l", "● 1 running", "● running  chain-dmp")  # the new run, and the cursor on it
    user.press("s", "Stop run")
    user.press("y", "■ 1 stopped")

    # the two finished ones are compared
    user.press("c", "Space select")
    user.press("a", "2 of 2 selected")
    user.press(ENTER, "Details", "chain-ddp", "chain-dmp")
    user.press("2", "launch.mode")
    user.press("x", "File name")
    user.press(ENTER, "Exported")
    page = (tmp_path / "comparison.html").read_text()
    assert "chain-ddp" in page and "chain-dmp" in page
    user.press(ESCAPE, "Runs of all experiments")
    assert "again to monitor" not in user.leaves()


def set_epochs(user: User, epochs: str) -> None:
    """Change num_epochs of the highlighted experiment in the form, and save."""
    user.press("e", "tie_output")
    user.press("/", "filter settings")
    user.press_until_gone("num_epochs", "tie_output")
    user.press(ENTER, "Maximum number of epochs", "Reset")
    user.press_until_gone(ENTER, "Reset")  # now it is a field
    user.press(epochs, f"training.num_epochs = {epochs}", "● unsaved")
    user.press(ENTER, "Reset")
    user.press_until_gone(SAVE, "● unsaved")
    user.press(ESCAPE, "Runs of")
