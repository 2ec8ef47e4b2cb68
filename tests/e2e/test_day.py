"""A whole day in a real terminal: from an empty folder over the tour to runs, a comparison and an exported table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli

from b4r_tui.runs.store import RunStore
from tests.b4r_tui.conftest import end_all
from tests.terminal import Terminal

PATIENCE = 240.0  # seconds: a run that starts on a machine with much else to do
ENTER, ESCAPE, DOWN, SAVE = "\r", "\x1b", "\x1b[B", "\x13"


class Person:
    """Somebody at a terminal who looks before the next key."""

    def __init__(self, folder: Path) -> None:
        self.terminal = Terminal(folder, 140, 40, XDG_STATE_HOME=str(folder / "state"))

    def sees(self, *texts: str) -> None:
        """Wait until all texts stand on the screen."""
        for text in texts:
            self.terminal.shows(text, PATIENCE)

    def does(self, keys: str, *texts: str) -> None:
        """Press keys, and wait until all texts stand on the screen."""
        self.terminal.press(keys)
        self.sees(*texts)

    def types(self, keys: str, text: str) -> None:
        """Press keys, and wait until a text is gone from the screen."""
        self.terminal.press(keys)
        self.terminal.lacks(text, PATIENCE)

    def leaves(self) -> str:
        """Quit; what is said in the shell."""
        self.terminal.press("q")
        said = self.terminal.ends(PATIENCE)
        assert self.terminal.child.exitstatus == 0
        return said


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    """The day's runs; no process of them outlives the test."""
    store = RunStore(tmp_path / "runs")
    yield store
    end_all(store)


def epochs_of(file: Path, name: str) -> object:
    """What the file says of an experiment's num_epochs."""
    return tomli.loads(file.read_text())["experiments"][name].get("training", {}).get("num_epochs")


@pytest.mark.long
@pytest.mark.torchrun
@pytest.mark.timeout(1800)
def test_a_day(tmp_path: Path, store: RunStore) -> None:
    file = tmp_path / "experiments.toml"
    person = Person(tmp_path)

    # the tour makes a file
    person.sees("Welcome", "1/4")
    person.does("n", "The keys", "2/4")
    person.does("n", "Files and folders", "3/4")
    person.does("n", "4/4", "Create experiments.toml")
    person.does(ENTER, "Created experiments.toml", "No runs yet. Press l to launch chain-ddp.")

    # two epochs are enough: the form changes the line of the file
    set_epochs(person, "2")
    assert epochs_of(file, "chain-ddp") == 2
    assert "# nodes x processes" in file.read_text()

    # two runs, and what they say while they train
    person.does("l", "Launched chain-ddp", "● running")
    person.does(DOWN, "No runs yet. Press l to launch chain-dmp.")
    person.does("l", "Launched chain-dmp")
    person.does("a", "Runs of all experiments", "/2")
    assert "again to monitor" in " ".join(person.leaves().split())

    # they go on alone, and are there again
    person = Person(tmp_path)
    person.sees("Experiments", "chain-dmp")
    person.does("a", "Runs of all experiments", "2 finished")
    assert sorted(run.experiment for run in store.runs()) == ["chain-ddp", "chain-dmp"]

    # one that would take for ever is stopped
    set_epochs(person, "99999")
    person.does("l", "● 1 running", "● running  chain-dmp")  # the new run, and the cursor on it
    person.does("s", "Stop run")
    person.does("y", "■ 1 stopped")

    # the two that finished, side by side
    person.does("c", "space chooses")
    person.does("a", "2 of 2 chosen")
    person.does(ENTER, "Details", "chain-ddp", "chain-dmp")
    person.does("2", "launch.mode")
    person.does("x", "File name")
    person.does(ENTER, "Exported")
    page = (tmp_path / "comparison.html").read_text()
    assert "chain-ddp" in page and "chain-dmp" in page
    person.does(ESCAPE, "Runs of all experiments")
    assert "again to monitor" not in person.leaves()


def set_epochs(person: Person, epochs: str) -> None:
    """Change num_epochs of the highlighted experiment in the form, and save."""
    person.does("e", "tie_output")
    person.does("/", "filter settings")
    person.types("num_epochs", "tie_output")
    person.does(ENTER, "Passes over the training sequences", "Reset")
    person.types(ENTER, "Reset")  # now it is a field
    person.does(epochs, f"training.num_epochs = {epochs}", "not saved")
    person.does(ENTER, "Reset")
    person.types(SAVE, "not saved")
    person.does(ESCAPE, "Runs of")
