"""A crowd of runs, one in each state, and what stands in the table that shows them."""

from __future__ import annotations

from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Static

from b4r_tui.app.app import B4RApp
from b4r_tui.app.widgets.runs.filter import RunFilter
from b4r_tui.app.widgets.runs.rows import RunRows
from b4r_tui.app.widgets.runs.table import RunTable
from b4r_tui.runs.records import note
from b4r_tui.runs.store import Run
from engine.contract.events import Epoch, RunFinished
from tests.b4r_tui.app.conftest import Place, until
from tests.b4r_tui.app.sample_runs import NOW, RunFolder
from tests.b4r_tui.app.test_main_screen import opened

QUEUED, RUNNING, LOST, STOPPED, FAILED, FINISHED = NEWEST = ("c07d", "a01f", "e5f6", "d1e2", "91bc", "3f2a")


def crowd(place: Place) -> dict[str, RunFolder]:
    """Six runs of three experiments by the ends of their ids."""
    made = [
        place.run("ml-1m-dmp", "20251009-110031-c07d"),
        place.running(),
        place.run("synthetic-small", "20251009-101011-e5f6").started().epochs(1),
        place.run("synthetic-small", "20251009-101010-d1e2").started().epochs(3).stopped(),
        place.failed(),
        place.finished(),
    ]
    return {end(each.run): each for each in made}


def end(run: Run) -> str:
    """The last four characters of a run's id."""
    return run.run_id[-4:]


def on_gpus(folder: RunFolder, *names: str) -> None:
    """Let the run's supervisor have said that it has these GPUs."""
    note(folder.run.dir, gpus=list(names))


def trained_to_its_end(folder: RunFolder) -> RunFolder:
    """A run that told its end, so that it can't be taken up."""
    folder.say(RunFinished(seconds=100.0, best_epoch=2))
    return folder


def another_epoch(folder: RunFolder, epoch: int, ndcg: float) -> RunFolder:
    """One more epoch of the running run, with this NDCG@10."""
    folder.t += 40.0
    return folder.say(
        Epoch(
            epoch=epoch,
            epochs=20,
            train_loss=4.9,
            lr=1e-4,
            seconds=40.0,
            sequences_per_second=440.0,
            metrics={"full": {"ndcg@10": ndcg, "recall@10": ndcg * 2}},
        )
    )


class Seen:
    """The table of the app as one sees it."""

    def __init__(self, pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, B4RApp)
        self.app, self.pilot = app, pilot
        self.table = app.main.query_one(RunTable)
        self.rows = self.table.query_one(RunRows)

    @property
    def names(self) -> list[str]:
        """The end of each run's id, and headings as they are, from top to bottom."""
        return [self._name(key) for key in self.rows.keys] if self.rows.display else []

    @property
    def at(self) -> str | None:
        """What the cursor stands on."""
        key = self.rows.cursor_key
        return None if key is None else self._name(key)

    @property
    def marked(self) -> list[str]:
        """The ends of the ids of marked runs."""
        return [end(view.run) for view in self.table.marked]

    @property
    def said(self) -> str:
        """What stands at the lower edge."""
        return str(self.table.border_subtitle or "")

    @property
    def columns(self) -> list[str]:
        """The keys of the columns on screen."""
        return [column.key for column in self.table._columns]

    @property
    def headings(self) -> list[str]:
        """The first lines of the columns' headings."""
        return [heading.plain.split("\n")[0].strip() for heading in self.rows._headings]

    @property
    def sorted_by(self) -> tuple[str, str] | None:
        """The column whose heading has an arrow, and the arrow."""
        marked = zip(self.columns, self.headings, strict=True)
        return next(((key, text[-1]) for key, text in marked if text.endswith(("▲", "▼"))), None)

    @property
    def instead(self) -> str:
        """What is said where there is no row."""
        return str(self.app.main.query_one("#no-runs", Static).render())

    @property
    def filters(self) -> bool:
        """Whether the line of the filter is in sight."""
        return bool(self.table.query_one(RunFilter).display)

    def text(self, selector: str) -> str:
        """A part of the main screen as it is drawn, line by line."""
        area = self.app.main.query_one(selector).region
        strips = self.app.main._compositor.render_strips()[area.y : area.bottom]
        return "\n".join(strip.crop(area.x, area.right).text.rstrip() for strip in strips)

    def cell(self, name: str, column: str) -> str:
        """A cell by the end of a run's id and its column's key."""
        key = next(each for each in self.rows.keys if self._name(each) == name)
        return str(self.rows.cells(key)[self.columns.index(column)]).strip()

    async def press(self, *keys: str) -> None:
        """Press keys and let the app come to rest."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, words: str) -> None:
        """Type words."""
        await self.press(*("space" if letter == " " else letter for letter in words))

    async def go_to(self, name: str) -> None:
        """Put the cursor on a run."""
        self.rows.move_cursor(row=self.names.index(name))
        await until(self.pilot, lambda: self.at == name)

    def _name(self, key: str) -> str:
        return key[-4:] if Path(key).is_absolute() else key


async def all_runs(pilot: Pilot[None], count: int = len(NEWEST)) -> Seen:
    """All runs are shown, the table has the keys and the cursor stands on the newest."""
    app = await opened(pilot)
    seen = Seen(pilot)
    await pilot.press("a")
    await until(pilot, lambda: len(seen.names) == count)
    app.main.set_focus(seen.rows)
    await seen.press("home")
    return seen


def many(place: Place, count: int) -> list[RunFolder]:
    """So many finished runs of one experiment, oldest first."""
    ids = [f"20251009-08{number // 60:02}{number % 60:02}-{number:04}" for number in range(count)]
    return [place.run("ml-1m-base", run_id, NOW - 9000).started().epochs(2).finished() for run_id in ids]
