"""Runs the app in this terminal, presses keys, and writes how long each took to be painted. For `benchmarks.ui`.

    python -m benchmarks.ui_keys stream|many|bare FOLDER OUT [--rounds N] [--rows N]

A key is timed from when it is handed to the app, as the terminal driver does, until a paint that shows its effect has
ended, and until nothing is left to paint (footer, details). Work caused by events of runs meanwhile counts too.
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

PAUSE = (0.03, 0.15)  # seconds between two keys at fast typing speed
POLL = 0.001  # seconds between two checks whether all is painted
TIMEOUT = 60.0  # seconds for a key to have an effect
CHARACTERS = {"slash": "/"}
Condition = Callable[[], bool]
Step = tuple[str, str, Condition, Widget]  # action, key, condition that ends it, widget that shows it
Press = tuple[str, float, float, float]  # action, ms until painted, ms until settled, CPU ms


class Stopwatch:
    """Times keys of an app by its paints."""

    def __init__(self, app: App[Any]) -> None:
        self.app = app
        self._paint = app._display
        self._painted: tuple[float, float] | None = None  # wall clock and CPU time of the last paint
        app._display = self._display  # type: ignore[method-assign]

    async def press(self, key: str, condition: Condition, target: Widget) -> tuple[float, float, float]:
        """Return milliseconds until a key's effect on `target` is painted, until all is settled, and of CPU time.

        CPU time is that of the drawing thread, whatever it does meanwhile. Raises TimeoutError if the key has no
        effect.
        """
        self._painted = None
        event = events.Key(key, CHARACTERS.get(key, key if len(key) == 1 else None))
        event.set_sender(self.app)
        assert self.app._driver is not None
        start, cpu_start, shown = time.perf_counter(), time.thread_time(), None
        self.app._driver.send_message(event)
        while True:
            await asyncio.sleep(POLL)
            if self._painted is not None and condition():
                shown = self._painted[0] if shown is None and self._is_shown(target) else shown
                if shown is not None and self._is_settled():
                    return tuple(
                        1000 * span
                        for span in (shown - start, self._painted[0] - start, self._painted[1] - cpu_start)
                    )
            if time.perf_counter() > start + TIMEOUT:
                raise TimeoutError(f"the key {key} has no effect")

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        self._paint(screen, renderable)
        if renderable is not None:
            self._painted = time.perf_counter(), time.thread_time()

    def _is_shown(self, widget: Widget) -> bool:
        """Return whether the screen shows the widget's current state, with no repaint pending."""
        screen = self.app.screen
        queued = any(
            getattr(message, "widget", None) is widget for message in tuple(screen._message_queue.values)
        )
        dirty = widget._repaint_required or widget._layout_required or widget in screen._dirty_widgets
        return widget in screen._compositor.visible_widgets and not (queued or dirty)

    def _is_settled(self) -> bool:
        """Return whether no widget on screen has a pending repaint or message."""
        screen = self.app.screen
        pending = any(
            widget._repaint_required or widget._layout_required or widget._message_queue.qsize()
            for widget in screen._compositor.visible_widgets
        )
        return not (
            pending or screen._layout_required or screen._dirty_widgets or screen._message_queue.qsize()
        )


class Bare(App[None]):
    """Shows a table and nothing else, to measure Textual itself."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self._rows = rows

    def compose(self) -> ComposeResult:
        """Yield the table."""
        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        """Add its rows."""
        table = self.query_one(DataTable)
        table.add_columns(*(f"column {number}" for number in range(10)))
        for row in range(self._rows):
            table.add_row(*(f"cell {row}" for _ in range(10)), key=str(row))


class Keys:
    """Yields the steps of a user on the main screen, each with the condition that ends it."""

    def __init__(self, app: B4RApp) -> None:
        self._app = app
        self.table = app.main.query_one(RunTable)
        self.detail = app.main.query_one(RunDetail)

    def move_to(self, action: str, key: str, row: int) -> Step:
        """Return the step that moves to a row and shows its run's details."""
        table = self.table.table
        return action, key, lambda: table.cursor_row == row and self._has_details(), table

    def _has_details(self) -> bool:
        view = self.table.selected
        return view is not None and view.run.run_id in str(self.detail.border_title)

    def move(self) -> Iterator[Step]:
        """Move down and up again."""
        for row in (1, 2, 3, 4, 5, 4, 3, 2, 1, 0):
            up = row < self.table.table.cursor_row
            yield self.move_to("down, up", "up" if up else "down", row)

    def mark(self) -> Iterator[Step]:
        """Mark three runs, then unmark them."""
        for count in (1, 2, 3):
            yield "mark", "x", lambda count=count: len(self.table.marked) == count, self.table.table
        yield "mark", "escape", lambda: not self.table.marked, self.table.table
        yield from (self.move_to("down, up", "up", row) for row in (2, 1, 0))

    def tabs(self) -> Iterator[Step]:
        """Open all tabs, then the first again."""
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
        """Filter by words, then show all runs again."""
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
        """Move a page down and up, to the end and to the start."""
        rows, height = self.table.table.row_count, self.table.table.size.height
        for action, key in (
            ("page", "pagedown"),
            ("page", "pageup"),
            ("end, home", "ctrl+end"),
            ("end, home", "ctrl+home"),
        ):
            yield action, key, lambda key=key: self._has_moved(key, rows, height), self.table.table

    def _has_moved(self, key: str, rows: int, height: int) -> bool:
        row = self.table.table.cursor_row
        is_reached = {"pagedown": 0 < row <= height, "ctrl+end": row == rows - 1}.get(key, row == 0)
        return is_reached and self._has_details()

    def sort(self) -> Iterator[Step]:
        """Sort by the next column."""
        yield "sort", "o", lambda: bool(self.table.arrangement.by), self.table.table


def main() -> None:
    """Run the app, press keys, and write the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("scenario", choices=["stream", "many", "bare"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--rows", type=int, default=8)
    arguments = parser.parse_args()
    if arguments.scenario == "bare":
        app: App[Any] = Bare(arguments.rows)
    else:
        app = B4RApp(arguments.folder / "experiments.toml", arguments.folder / "runs")
    scenario = {"stream": stream, "many": many, "bare": bare}[arguments.scenario]
    results: dict[str, Any] = {}
    start = time.perf_counter()

    async def drive(pilot: Pilot[None]) -> None:
        try:
            await scenario(Stopwatch(app), arguments.rounds, arguments.rows, start, results)
        finally:
            if isinstance(app, B4RApp) and app.crash:
                raise app.crash
        app.exit()

    app.run(auto_pilot=drive)
    arguments.out.write_text(json.dumps(results))


async def stream(watch: Stopwatch, rounds: int, rows: int, start: float, results: dict[str, Any]) -> None:
    """Press every key repeatedly while all runs report; the first round, which imports and mounts, is separate."""
    keys = await focus_runs(watch, rows)
    results["first"] = await press_all(watch, one_round(keys))
    results["keys"] = [each for _ in range(rounds) for each in await press_all(watch, one_round(keys))]


def one_round(keys: Keys) -> Iterator[Step]:
    """Yield every step once."""
    yield from keys.move()
    yield from keys.mark()
    yield from keys.tabs()
    yield from keys.filter("smal")


async def many(watch: Stopwatch, rounds: int, rows: int, start: float, results: dict[str, Any]) -> None:
    """Time the first rows and all rows, then press keys."""
    assert isinstance(watch.app, B4RApp)
    await until(lambda: len(watch.app.main.views()) > 0)  # type: ignore[attr-defined]
    results["seconds to the newest runs"] = time.perf_counter() - start
    keys = await focus_runs(watch, rows)
    results["seconds to all runs"] = time.perf_counter() - start
    results["keys"] = []
    for _ in range(rounds):
        results["keys"] += await press_all(watch, keys.move())
        results["keys"] += await press_all(watch, keys.pages())
        results["keys"] += await press_all(watch, keys.filter("smal"))
    results["keys"] += await press_all(watch, keys.sort())


async def bare(watch: Stopwatch, rounds: int, rows: int, start: float, results: dict[str, Any]) -> None:
    """Make the same moves in a bare table."""
    table = watch.app.query_one(DataTable)
    await until(lambda: table.row_count == rows and table.has_focus)
    results["seconds to all runs"] = time.perf_counter() - start

    def moves() -> Iterator[Step]:
        for row in (1, 2, 3, 4, 5, 4, 3, 2, 1, 0):
            key = "up" if row < table.cursor_row else "down"
            yield "down, up", key, lambda row=row: table.cursor_row == row, table

    results["keys"] = [each for _ in range(rounds) for each in await press_all(watch, moves())]


async def focus_runs(watch: Stopwatch, rows: int) -> Keys:
    """Show all runs of all experiments in the table, and focus it."""
    app = watch.app
    assert isinstance(app, B4RApp)
    await until(lambda: len(app.main.views()) > 0)
    await app.main.action_toggle_all()
    keys = Keys(app)
    await until(lambda: keys.table.table.row_count == rows)
    keys.table.table.focus()
    await until(lambda: keys.table.table.has_focus and bool(app.main.query(TabbedContent)))
    keys.table.table.move_cursor(row=0)
    await until(keys._has_details)
    return keys


async def press_all(watch: Stopwatch, steps: Iterator[Step]) -> list[Press]:
    """Press one key after the other, with pauses."""
    rng, times = random.Random(1), []
    for action, key, condition, target in steps:
        times.append((action, *await watch.press(key, condition, target)))
        await asyncio.sleep(rng.uniform(*PAUSE))
    return times


async def until(condition: Condition) -> None:
    """Let the app work until a condition holds."""
    while not condition():
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    main()
