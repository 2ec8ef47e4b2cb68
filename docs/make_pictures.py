"""Take the screenshots of the documentation while real runs of the demo train.

python docs/make_pictures.py (about two minutes)
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

from textual.pilot import Pilot

from b4r_tui.app.app import B4RApp
from b4r_tui.runs.launch import launch, stop
from b4r_tui.runs.progress import RunWatch
from b4r_tui.runs.store import Run, RunStore

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "experiments.toml"
SIZE = (120, 36)
MIN_EPOCHS = 13
SCREENS = {  # keys to press on the main screen, and a widget that shows that the screen has opened
    "editor": (["e"], "SettingRow"),
    "compare": (["c", "a", "enter"], "#sides-table"),
    "leaderboard": (["L"], "#board-table"),
}


def main() -> None:
    """Write every screenshot to the folder of this file."""
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        subprocess.run([sys.executable, "-m", "b4r_tui", "--run", str(FILE), "--runs", str(runs)], check=True)
        pictures = {name: asyncio.run(screenshot(runs, keys, part)) for name, (keys, part) in SCREENS.items()}
        pictures["app"] = asyncio.run(training_run(runs))
    for name, picture in pictures.items():
        (ROOT / "docs" / f"{name}.svg").write_text(picture)


async def training_run(runs: Path) -> str:
    """Return an SVG of the app with the curves of a run in its second half."""
    store = RunStore(runs)
    finished = store.latest("chain-ddp")
    assert finished is not None
    (run,) = launch(store, [finished.config()])
    try:
        await in_second_half(run)
        return await screenshot(runs, ["2"], "PlotWidget")
    finally:
        stop(run, wait=30)


async def in_second_half(run: Run) -> None:
    """Wait until the run has enough epochs for a curve."""
    watch = RunWatch(run)
    while len(watch.progress.history) < MIN_EPOCHS and not watch.state.ended:
        watch.poll()
        await asyncio.sleep(0.2)


async def screenshot(runs: Path, keys: list[str], part: str) -> str:
    """Return an SVG of the app on the demo's file after these keys, once a widget has appeared."""
    app = B4RApp(FILE, runs, period=0.1)
    async with app.run_test(size=SIZE) as pilot:
        await displayed(pilot, "RunRows")
        for key in keys:
            await pilot.press(key)
            await pilot.pause(1.0)
        await displayed(pilot, part)
        return app.export_screenshot(title="b4r-tui")


async def displayed(pilot: Pilot[None], selector: str) -> None:
    """Wait until a widget is displayed, and a moment more."""
    while not any(widget.display for widget in pilot.app.screen.query(selector)):
        await pilot.pause(0.05)
    await pilot.pause(1.0)


if __name__ == "__main__":
    main()
