"""The runs, filtered, sorted, grouped and marked, and the tabs of one run, compared with stored pictures."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TabbedContent

from tests.b4r_tui.app.conftest import Place, until
from tests.b4r_tui.app.crowd import (
    FAILED,
    FINISHED,
    LOST,
    RUNNING,
    STOPPED,
    Seen,
    all_runs,
    crowd,
    on_gpus,
)
from tests.b4r_tui.app.test_run_views import ran_on

Compare = Callable[..., bool]
Settle = Callable[[Pilot[None]], Awaitable[None]]
SIZE, SMALL, LARGE = (120, 36), (80, 24), (200, 60)

pytestmark = pytest.mark.usefixtures("utc")


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times of day are those of UTC, wherever the tests run."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def after(*keys: str, at: str | None = None, rest: float = 0.3, asks: bool = False) -> Settle:
    """All runs are shown, the cursor stands on `at`, then keys are pressed and the app comes to rest, or asks."""

    async def settle(pilot: Pilot[None]) -> None:
        seen = await all_runs(pilot)
        if at:
            await seen.go_to(at)
        for key in keys:
            await seen.press(key)
            await until(pilot, lambda: filled(seen))
        if asks:
            await until(pilot, lambda: pilot.app.screen.query("#box"))
        for line in pilot.app.screen.query(Input):
            line.cursor_blink = False
        await pilot.pause(rest)

    return settle


def filled(seen: Seen) -> bool:
    """Whether the tab on top has been made."""
    return all(seen.app.main.query(f"#{tabs.active} > *") for tabs in seen.app.main.query(TabbedContent))


TABLES = {
    "every-state": [],
    "filter-being-typed": ["slash", *"ml-1m"],
    "filter-without-a-match": ["slash", *"評価"],
    "sorted-and-marked": ["o", "o", "o", "o", "home", "x", "x"],
    "groups-one-folded": ["g", "down", "enter", "down", "down", "x"],
}


@pytest.mark.parametrize("state", TABLES)
def test_the_table(place: Place, snap_compare: Compare, state: str) -> None:
    crowd(place)
    assert snap_compare(place.app(), terminal_size=SIZE, run_before=after(*TABLES[state]))


@pytest.mark.parametrize("state", ["every-state", "sorted-and-marked", "groups-one-folded"])
def test_the_table_in_a_small_terminal(place: Place, snap_compare: Compare, state: str) -> None:
    crowd(place)
    assert snap_compare(place.app(), terminal_size=SMALL, run_before=after(*TABLES[state]))


def test_the_table_with_gpus_in_a_large_light_terminal(
    place: Place, snap_compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_gpus(crowd(place)[RUNNING], "0", "1")
    monkeypatch.setattr("b4r_tui.runs.queue.gpus.loads", lambda: {"0": 0.9, "1": 0.7})
    app = place.app()
    app.theme = "b4r-light"
    keys = ("g", "down", "down", "x", "2")
    assert snap_compare(app, terminal_size=LARGE, run_before=after(*keys, rest=0.6))


TABS = {
    "epochs": (RUNNING, ["1"]),
    "curves-zoomed": (FINISHED, ["2", "2", "plus", "right"]),
    "curves-throughput": (RUNNING, ["2", "2", "v"]),
    "curves-of-several": (FINISHED, ["2", "x", "up", "x", "up", "up", "up", "x"]),
    "config": (STOPPED, ["4"]),
    "config-against-the-defaults": (STOPPED, ["4", "4", "d"]),
    "results": (FINISHED, ["5"]),
    "environment": (FINISHED, ["8"]),
    "the-whole-screen": (FINISHED, ["2", "x", "up", "x", "up", "up", "up", "x", "z"]),
    "nothing-yet": (LOST, ["5"]),
}


@pytest.mark.parametrize("tab", TABS)
def test_a_tab(place: Place, snap_compare: Compare, tab: str) -> None:
    ran_on(crowd(place)[FINISHED])
    at, keys = TABS[tab]
    assert snap_compare(place.app(), terminal_size=SIZE, run_before=after(*keys, at=at, rest=0.6))


@pytest.mark.parametrize("tab", ["epochs", "the-whole-screen", "results"])
def test_a_tab_in_a_small_terminal(place: Place, snap_compare: Compare, tab: str) -> None:
    ran_on(crowd(place)[FINISHED])
    at, keys = TABS[tab]
    assert snap_compare(place.app(), terminal_size=SMALL, run_before=after(*keys, at=at, rest=0.6))


def test_the_crash_card_and_the_question_before_several_runs_go(place: Place, snap_compare: Compare) -> None:
    crowd(place)
    settle = after("x", "x", "D", at=FAILED, asks=True)
    assert snap_compare(place.app(), terminal_size=SIZE, run_before=settle)


def test_the_choice_of_a_metric_in_a_small_terminal(place: Place, snap_compare: Compare) -> None:
    crowd(place)
    assert snap_compare(place.app(), terminal_size=SMALL, run_before=after("M", asks=True))
