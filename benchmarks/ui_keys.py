"""The app in this terminal with somebody at its keys; writes how long each key took to be painted. For `benchmarks.ui`.

    python -m benchmarks.ui_keys stream|many|bare FOLDER OUT [--rounds N] [--rows N]

A key's time goes from when it is handed to the app, as the terminal's driver does it, until a paint is over that shows
its effect, and on until nothing at all is left to paint (footer, details below). What runs report meanwhile counts too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from textual import events
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import DataTable, Input, TabbedContent

from b4r_tui.app.app import B4RApp
from b4r_tui.app.widgets.run.detail import TABS, RunDetail
from b4r_tui.app.widgets.runs.order import matching
from b4r_tui.app.widgets.runs.table import RunTable

PAUSE = (0.03, 0.15)  # seconds between two keys of somebody who types fast
LOOK = 0.001  # seconds between two looks at whether all is painted
PATIENCE = 60.0  # seconds after which a key is said to have no effect
CHARACTERS = {"slash": "/"}
Holds = Callable[[], bool]
Step = tuple[str, str, Holds, Widget]  # kind, key, what holds once it has had its effect, and what shows that
Press = tuple[str, float, float, float]


class Stopwatch:
    """Times keys of an app by its paints."""

    def __init__(self, app: App[Any]) -> None:
        self.app = app
        self._paint = app._display
        self._painted: tuple[float, float] | None = None  # clock and processor at the end of the last paint
        app._display = self._display  # type: ignore[method-assign]

    async def press(self, key: str, holds: Holds, target: Widget) -> tuple[float, float, float]:
        """Milliseconds until a key's effect on `target` is painted, until all is, and of the processor until then.

        The last are those of the thread that draws, with all that it does meanwhile. Raises TimeoutError where the
        key has no effect.
        """
        self._painted = None
        event = events.Key(key, CHARACTERS.get(key, key if len(key) == 1 else None))
        event.set_sender(self.app)
        assert self.app._driver is not None
        began, busy, shown = time.perf_counter(), time.thread_time(), None
        self.app._driver.send_message(event)
        while True:
            await asyncio.sleep(LOOK)
            if self._painted is not None and holds():
                shown = self._painted[0] if shown is None and self._is_shown(target) else shown
                if shown is not None and self._is_settled():
                    return tuple(
                        1000 * span
                        for span in (shown - began, self._painted[0] - began, self._painted[1] - busy)
                    )
            if time.perf_counter() > began + PATIENCE:
                raise TimeoutError(f"the key {key} has no effect")

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        self._paint(screen, renderable)
        if renderable is not None:
            self._painted = time.perf_counter(), time.thread_time()

    def _is_shown(self, widget: Widget) -> bool:
        """Whether a widget is on screen as it is, and no message says otherwise."""
        screen = self.app.screen
        told = any(
            getattr(message, "widget", None) is widget for message in tuple(screen._message_queue.values)
        )
        due = widget._repaint_required or widget._layout_required or widget in screen._dirty_widgets
        return widget in screen._compositor.visible_widgets and not (told or due)

    def _is_settled(self) -> bool:
        """Whether nothing on screen waits to be painted, and no message to be heeded."""
        screen = self.app.screen
        waits = any(
            widget._repaint_required or widget._layout_required or widget._message_queue.qsize()
            for widget in screen._compositor.visible_widgets
        )
        return not (
            waits or screen._layout_required or screen._dirty_widgets or screen._message_queue.qsize()
        )


class Bare(App[None]):
    """A table and nothing else: what Textual itself takes."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self._rows = rows

    def compose(self) -> ComposeResult:
        """The table."""
        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        """Its rows."""
        table = self.query_one(DataTable)
        table.add_columns(*(f"column {number}" for number in range(10)))
        for row in range(self._rows):
            table.add_row(*(f"cell {row}" for _ in range(10)), key=str(row))


class Keys:
    """What somebody does on the main screen, as steps that say when each is done."""

    def __init__(self, app: B4RApp) -> None:
        self._app = app
        self.table = app.main.query_one(RunTable)
        self.detail = app.main.query_one(RunDetail)

    def goes_to(self, kind: str, key: str, row: int) -> Step:
        """To a row, and its run is shown closer."""
        return kind, key, lambda: self.table.table.cursor_row == row and self._is_closer(), self.table.table

    def _is_closer(self) -> bool:
        view = self.table.selected
        return view is not None and view.run.run_id in str(self.detail.border_title)

    def move(self) -> Iterator[Step]:
        """Down and up again."""
        for row in (1, 2, 3, 4, 5, 4, 3, 2, 1, 0):
            up = row < self.table.table.cursor_row
            yield self.goes_to("down, up", "up" if up else "down", row)

    def mark(self) -> Iterator[Step]:
        """Three runs, and none again."""
        for count in (1, 2, 3):
            yield "mark", "x", lambda count=count: len(self.table.marked) == count, self.table.table
        yield "mark", "escape", lambda: not self.table.marked, self.table.table
        yield from (self.goes_to("down, up", "up", row) for row in (2, 1, 0))

    def tabs(self) -> Iterator[Step]:
        """Through all tabs, and back to the first."""
        for number in (*range(2, len(TABS) + 1), 1):
            name = TABS[number - 1]
            yield (
                f"tab {name}",
                str(number),
                lambda name=name: self._is_open(name),
                self._app.main.query_one(TabbedContent).get_pane(name),
            )

    def _is_open(self, name: str) -> bool:
        tabs = self._app.main.query_one(TabbedContent)
        return tabs.active == name and bool(tabs.get_pane(name).children)

    def filter(self, words: str) -> Iterator[Step]:
        """Type words, and show all runs again."""
        yield (
            "open filter",
            "slash",
            lambda: isinstance(self._app.focused, Input),
            self.table.query_one(Input),
        )
        for end in range(1, len(words) + 1):
            count = self._matching(words[:end])
            yield (
                "type in filter",
                words[end - 1],
                lambda end=end, count=count: self._has(words[:end], count),
                self.table.table,
            )
        count = self._matching("")
        yield (
            "close filter",
            "escape",
            lambda: self._has("", count) and not isinstance(self._app.focused, Input),
            self.table.table,
        )

    def _matching(self, word: str) -> int:
        return len(matching(self._app.main.views(), word))

    def _has(self, words: str, rows: int) -> bool:
        return self.table.arrangement.words == words and self.table.table.row_count == rows

    def pages(self) -> Iterator[Step]:
        """A page down and up, to the end and to the start."""
        rows, height = self.table.table.row_count, self.table.table.size.height
        for kind, key in (
            ("page", "pagedown"),
            ("page", "pageup"),
            ("end, home", "ctrl+end"),
            ("end, home", "ctrl+home"),
        ):
            yield kind, key, lambda key=key: self._paged(key, rows, height), self.table.table

    def _paged(self, key: str, rows: int, height: int) -> bool:
        row = self.table.table.cursor_row
        there = {"pagedown": 0 < row <= height, "ctrl+end": row == rows - 1}.get(key, row == 0)
        return there and self._is_closer()

    def sort(self) -> Iterator[Step]:
        """By the next column, and newest first again."""
        yield "sort", "o", lambda: bool(self.table.arrangement.by), self.table.table


def main() -> None:
    """Run the app, with somebody at its keys, and write the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("scenario", choices=["stream", "many", "bare"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--rows", type=int, default=8)
    asked = parser.parse_args()
    if asked.scenario == "bare":
        app: App[Any] = Bare(asked.rows)
    else:
        app = B4RApp(asked.folder / "experiments.toml", asked.folder / "runs")
    scenario = {"stream": stream, "many": many, "bare": bare}[asked.scenario]
    found: dict[str, Any] = {}
    began = time.perf_counter()

    async def person(pilot: Pilot[None]) -> None:
        try:
            await scenario(Stopwatch(app), asked.rounds, asked.rows, began, found)
        finally:
            if broke := getattr(app, "broke", None):
                raise broke
        app.exit()

    app.run(auto_pilot=person)
    asked.out.write_text(json.dumps(found))


async def stream(watch: Stopwatch, rounds: int, rows: int, began: float, found: dict[str, Any]) -> None:
    """Every key over and over, while all runs report; the first round stands for itself, as it imports and mounts."""
    keys = await at_the_runs(watch, rows)
    found["first"] = await press_all(watch, one_round(keys))
    found["keys"] = [each for _ in range(rounds) for each in await press_all(watch, one_round(keys))]


def one_round(keys: Keys) -> Iterator[Step]:
    """Everything once."""
    yield from keys.move()
    yield from keys.mark()
    yield from keys.tabs()
    yield from keys.filter("smal")


async def many(watch: Stopwatch, rounds: int, rows: int, began: float, found: dict[str, Any]) -> None:
    """Until there are rows, until there are all of them, then keys."""
    assert isinstance(watch.app, B4RApp)
    await until(lambda: len(watch.app.main.views()) > 0)  # type: ignore[attr-defined]
    found["seconds to the newest runs"] = time.perf_counter() - began
    keys = await at_the_runs(watch, rows)
    found["seconds to all runs"] = time.perf_counter() - began
    found["keys"] = []
    for _ in range(rounds):
        found["keys"] += await press_all(watch, keys.move())
        found["keys"] += await press_all(watch, keys.pages())
        found["keys"] += await press_all(watch, keys.filter("smal"))
    found["keys"] += await press_all(watch, keys.sort())


async def bare(watch: Stopwatch, rounds: int, rows: int, began: float, found: dict[str, Any]) -> None:
    """The same moves in a table alone."""
    table = watch.app.query_one(DataTable)
    await until(lambda: table.row_count == rows and table.has_focus)
    found["seconds to all runs"] = time.perf_counter() - began

    def moves() -> Iterator[Step]:
        for row in (1, 2, 3, 4, 5, 4, 3, 2, 1, 0):
            key = "up" if row < table.cursor_row else "down"
            yield "down, up", key, lambda row=row: table.cursor_row == row, table

    found["keys"] = [each for _ in range(rounds) for each in await press_all(watch, moves())]


async def at_the_runs(watch: Stopwatch, rows: int) -> Keys:
    """All runs of all experiments are in the table, and it has the keys."""
    app = watch.app
    assert isinstance(app, B4RApp)
    await until(lambda: len(app.main.views()) > 0)
    await app.main.action_toggle_all()
    keys = Keys(app)
    await until(lambda: keys.table.table.row_count == rows)
    keys.table.table.focus()
    await until(lambda: keys.table.table.has_focus and bool(app.main.query(TabbedContent)))
    keys.table.table.move_cursor(row=0)
    await until(keys._is_closer)
    return keys


async def press_all(watch: Stopwatch, steps: Iterator[Step]) -> list[Press]:
    """Press one after the other, with pauses; the kind of each, and its milliseconds."""
    chance, times = random.Random(1), []
    for kind, key, holds, target in steps:
        times.append((kind, *await watch.press(key, holds, target)))
        await asyncio.sleep(chance.uniform(*PAUSE))
    return times


async def until(true: Holds) -> None:
    """Let the app work until something holds."""
    while not true():
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    main()
