"""Makes the pictures of the documentation from the program itself, on run folders with made-up values.

python docs/make_pictures.py
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from textual.pilot import Pilot  # noqa: E402

from b4r_tui.app import B4RApp  # noqa: E402
from b4r_tui.experiments.load import load_experiments  # noqa: E402
from tests.b4r_tui.app.sample_runs import NOW, RunFolder, write_experiments  # noqa: E402

SIZE = (120, 36)


def main() -> None:
    """Write every picture beside this file."""
    with tempfile.TemporaryDirectory() as folder:
        app = app_with_runs(Path(folder))
        picture = asyncio.run(taken(app))
    (ROOT / "docs" / "app.svg").write_text(picture)


def app_with_runs(folder: Path) -> B4RApp:
    """The app on two finished runs, one of another experiment, and one that is running."""
    base, dmp, small = load_experiments(write_experiments(folder)).experiments
    runs = folder / "runs"
    RunFolder(runs, "20251009-081005-3f2a", base, NOW - 9000).started().epochs(20).finished()
    RunFolder(runs, "20251009-093012-91bc", base, NOW - 6000).started().epochs(20).finished()
    RunFolder(runs, "20251009-101502-77de", dmp, NOW - 3600).started().epochs(20, 30).finished()
    RunFolder(runs, "20251009-104030-5b1d", small, NOW - 2000).started().epochs(20, 2).finished()
    RunFolder(runs, "20251009-110030-a01f", base, NOW - 600).held().started().epochs(13).training(13, 88)
    return B4RApp(folder / "experiments.toml", runs, now=lambda: NOW - 30, period=0.1)


async def taken(app: B4RApp) -> str:
    """The app with the curves of the running run, as SVG."""
    async with app.run_test(size=SIZE) as pilot:
        await drawn(pilot, "#run-rows")
        await pilot.press("2")
        await drawn(pilot, "PlotWidget")
        return app.export_screenshot(title="b4r-tui")


async def drawn(pilot: Pilot[None], selector: str) -> None:
    """Wait until a part of the screen is there, and a moment more."""
    while not any(widget.display for widget in pilot.app.screen.query(selector)):
        await pilot.pause(0.05)
    await pilot.pause(1.0)


if __name__ == "__main__":
    main()
