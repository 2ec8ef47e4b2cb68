"""Makes the pictures of the documentation: runs the demo for real, then photographs the program watching it.

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
EPOCHS_SEEN = 13
SCREENS = {  # keys from the main screen on, and a part of the screen that shows that it is there
    "editor": (["e"], "SettingRow"),
    "compare": (["c", "a", "enter"], "#sides-table"),
    "leaderboard": (["L"], "#board-table"),
}


def main() -> None:
    """Write every picture beside this file."""
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        subprocess.run([sys.executable, "-m", "b4r_tui", "--run", str(FILE), "--runs", str(runs)], check=True)
        pictures = {name: asyncio.run(photograph(runs, keys, part)) for name, (keys, part) in SCREENS.items()}
        pictures["app"] = asyncio.run(running_run(runs))
    for name, picture in pictures.items():
        (ROOT / "docs" / f"{name}.svg").write_text(picture)


async def running_run(runs: Path) -> str:
    """The app with the curves of a run that is in its second half, as SVG."""
    store = RunStore(runs)
    finished = store.latest("chain-ddp")
    assert finished is not None
    (run,) = launch(store, [finished.config()])
    try:
        await half_done(run)
        return await photograph(runs, ["2"], "PlotWidget")
    finally:
        stop(run, wait=30)


async def half_done(run: Run) -> None:
    """Wait until the run has enough epochs for a curve."""
    watch = RunWatch(run)
    while len(watch.progress.history) < EPOCHS_SEEN and not watch.state.ended:
        watch.poll()
        await asyncio.sleep(0.2)


async def photograph(runs: Path, keys: list[str], part: str) -> str:
    """The app on the demo's file after some keys, as SVG, once a part of the screen is there."""
    app = B4RApp(FILE, runs, period=0.1)
    async with app.run_test(size=SIZE) as pilot:
        await drawn(pilot, "RunRows")
        for key in keys:
            await pilot.press(key)
            await pilot.pause(1.0)
        await drawn(pilot, part)
        return app.export_screenshot(title="b4r-tui")


async def drawn(pilot: Pilot[None], selector: str) -> None:
    """Wait until a part of the screen is there, and a moment more."""
    while not any(widget.display for widget in pilot.app.screen.query(selector)):
        await pilot.pause(0.05)
    await pilot.pause(1.0)


if __name__ == "__main__":
    main()
