"""A place with experiments and runs, the app on it, and a way to wait for what should appear."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from textual.pilot import Pilot

from b4r_tui.app.app import B4RApp
from b4r_tui.experiments.load import load_experiments
from tests.b4r_tui.app.sample_runs import NOW, TOML, RunFolder, write_experiments

MEMORY = "rank 1 ran out of memory: 1.2 GiB asked, 0.9 GiB free; use a smaller train_batch_size"
TRACEBACK = (
    'Traceback (most recent call last):\n  File "train.py", line 88, in step\nRuntimeError: [b]out[/b]'
)


@dataclass
class Place:
    """A folder with an experiments file and runs, as the app finds it."""

    folder: Path
    made: list[RunFolder] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.folder / "experiments.toml"

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    def run(self, experiment: str, run_id: str, at: float = NOW - 600) -> RunFolder:
        config = load_experiments(self.file, only=[experiment]).experiments[0]
        self.made.append(RunFolder(self.runs, run_id, config, at))
        return self.made[-1]

    def running(self, experiment: str = "ml-1m-base", run_id: str = "20251009-110030-a01f") -> RunFolder:
        return self.run(experiment, run_id).held().started().epochs(13).training(13, 88)

    def finished(self, experiment: str = "ml-1m-base", run_id: str = "20251009-081005-3f2a") -> RunFolder:
        return self.run(experiment, run_id, NOW - 5000).started().epochs(20).finished()

    def failed(self, experiment: str = "ml-1m-base", run_id: str = "20251009-093012-91bc") -> RunFolder:
        return self.run(experiment, run_id, NOW - 3000).started().epochs(6).failed(MEMORY, TRACEBACK)

    def app(self) -> B4RApp:
        return B4RApp(self.file, self.runs, now=lambda: NOW - 30, period=0.1)


@pytest.fixture(autouse=True)
def steady_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the cursor of inputs visible, so that no picture depends on when it is taken."""
    monkeypatch.setattr("textual.widgets.Input._toggle_cursor", lambda self: None)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    write_experiments(tmp_path, TOML)
    place = Place(tmp_path)
    yield place
    for made in place.made:
        made.let_go()


@pytest.fixture(autouse=True)
def no_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is queued stays queued: no process is started for it."""
    monkeypatch.setattr("b4r_tui.runs.queue.start_runner._start_runner", lambda root: None)


async def until(pilot: Pilot[None], true: Callable[[], object], seconds: float = 30.0) -> None:
    """Let the app work until `true()` holds."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "what should appear did not"
        await pilot.pause()
        await asyncio.sleep(0.02)
    await pilot.pause()
