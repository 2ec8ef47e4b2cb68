"""From the key to the last row: the app launches real torchrun runs and follows them to their end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from b4r_tui.app.app import B4RApp
from b4r_tui.app.screens.dialogs.confirm import Confirm
from b4r_tui.app.widgets.runs.table import RunTable
from b4r_tui.runs.store import RunStore
from tests.b4r_tui.app.conftest import until
from tests.b4r_tui.app.test_main_screen import cells, opened

pytestmark = pytest.mark.torchrun


@pytest.fixture(autouse=True)
def no_runner() -> None:
    """Here what is queued is to run."""


STUB = '''\
"""Stands in for the engine: tells the events of a short run."""

import json
import sys
import time
from pathlib import Path

events = (Path(sys.argv[1]) / "events.jsonl").open("a", buffering=1)


def say(**event):
    events.write(json.dumps({"v": 1, "t": time.time(), **event}) + "\\n")


size = {"name": "synthetic", "users": 10, "items": 30, "interactions": 300, "fingerprint": "0"}
say(type="run_started", run_id="r", experiment="e", world_size=1, device="cpu", mode="ddp", dataset=size, parameters=9)
for epoch in range(2):
    say(type="progress", phase="train", epoch=epoch, step=1, steps=2, loss=3.0, sequences_per_second=80.0)
    time.sleep(PAUSE)
    metrics = {"full": {"recall@10": 0.2, "ndcg@10": 0.1 + epoch / 100}}
    say(type="epoch", epoch=epoch, epochs=2, train_loss=3.0 - epoch, lr=1e-3, seconds=1.0,
        sequences_per_second=81.0, metrics=metrics, best=True)
print("the stub has ended")
say(type="run_finished", seconds=2.0, best_epoch=1)
'''
STUBBED = """\
[experiments.toy]
data.dataset_name = "synthetic"
training.num_epochs = 2
launch.gpu = 0
launch.script = "stub.py"
"""
REAL = """\
[experiments.chain]
data = {dataset_name = "synthetic", random_user_count = 120, random_item_count = 40, random_size = 2000}
model = {max_len = 16, emb_dim = 16, nhead = 2, num_layers = 1}
training = {num_epochs = 60, train_batch_size = 64}
launch = {j = "1x2", gpu = 0}
"""


def app_on(folder: Path, experiments: str, pause: float = 0.6) -> B4RApp:
    (folder / "experiments.toml").write_text(experiments)
    (folder / "stub.py").write_text(STUB.replace("PAUSE", str(pause)))
    return B4RApp(folder / "experiments.toml", folder / "runs", period=0.1)


async def launched(pilot: Pilot[None]) -> B4RApp:
    app = await opened(pilot)
    await pilot.press("l")
    await until(pilot, lambda: len(cells(app)) == 1, seconds=20)
    return app


def state(app: B4RApp) -> str:
    return cells(app)[0][0]


async def test_a_stub_is_launched_followed_and_finished(tmp_path: Path) -> None:
    async with app_on(tmp_path, STUBBED, pause=3).run_test(size=(120, 36)) as pilot:
        app = await launched(pilot)
        await until(pilot, lambda: "1/2" in cells(app)[0], seconds=60)
        await until(pilot, lambda: state(app) == "✓ finished", seconds=60)
        row = cells(app)[0]
        assert "2/2" in row and "0.1100" in row and "100%" in row[3]


async def test_s_stops_a_run_and_leaves_no_process(tmp_path: Path) -> None:
    async with app_on(tmp_path, STUBBED, pause=60).run_test(size=(120, 36)) as pilot:
        app = await launched(pilot)
        await until(pilot, lambda: "80.0" in cells(app)[0], seconds=60)
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: state(app) == "■ stopped", seconds=60)


async def test_a_run_outlives_the_app_and_is_shown_again(tmp_path: Path) -> None:
    async with app_on(tmp_path, STUBBED, pause=3).run_test(size=(120, 36)) as pilot:
        await launched(pilot)
        await pilot.press("q")
    assert not RunStore(tmp_path / "runs").runs()[0].state.ended
    async with app_on(tmp_path, STUBBED).run_test(size=(120, 36)) as pilot:
        app = await opened(pilot)
        await until(pilot, lambda: len(cells(app)) == 1)
        await until(pilot, lambda: state(app) == "✓ finished", seconds=60)


def half_way(app: B4RApp) -> bool:
    """Whether the run's row shows an epoch that is not the last; there are so many that a busy machine sees one."""
    return any(re.fullmatch(r"[1-5]?[1-9]/60", cell) for cell in cells(app)[0])


async def test_launch_to_finish(tmp_path: Path) -> None:
    """The real engine on two ranks: live rows, then test results beside popularity."""
    async with app_on(tmp_path, REAL).run_test(size=(120, 36)) as pilot:
        app = await launched(pilot)
        await until(pilot, lambda: state(app) == "● running", seconds=30)
        await until(pilot, lambda: half_way(app), seconds=120)
        await until(pilot, lambda: state(app) in ("✓ finished", "✗ failed"), seconds=120)
        selected = app.screen.query_one(RunTable).selected
        assert selected is not None
        assert state(app) == "✓ finished", selected.progress.error
        await pilot.press("5")
        await until(pilot, lambda: app.screen.query("ResultsTab .card"))
        await until(pilot, lambda: "popularity" in app.export_screenshot(simplify=True))
        assert str(app.screen.query_one("#headline", Static).render()).startswith("took")
