"""Pictures of compare, leaderboard, palette, tour and their questions. New pictures: pytest --snapshot-update."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot

from b4r_tui.app.app import B4RApp
from b4r_tui.app.screens.compare.screen import CompareScreen
from b4r_tui.app.screens.leaderboard import LeaderboardScreen
from b4r_tui.runs.store import Run
from tests.b4r_tui.app.conftest import Place, until
from tests.b4r_tui.app.keyboard import app_of, said, typed_in_palette
from tests.b4r_tui.app.sample_runs import NOW, write_experiments
from tests.b4r_tui.app.tested_runs import make_tested_runs

Compare = Callable[..., bool]
Settle = Callable[[Pilot[None]], Awaitable[None]]
Made = tuple[Place, dict[str, Run]]
SIZE, SMALL = (120, 36), (80, 24)
MANY = ("small 1", "small 2", "big 1", "big 2", "middle")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """Runs that no test here changes."""
    folder = tmp_path_factory.mktemp("pictures")
    write_experiments(folder)
    place = Place(folder)
    yield place, make_tested_runs(place)


def app_on(made: Made, theme: str = "b4r-dark") -> B4RApp:
    app = made[0].app()
    app.theme = theme
    return app


def compared(made: Made, names: Sequence[str], *keys: str, then: str = "") -> Settle:
    """Open the comparison, press keys, wait until something matches `then`."""

    async def settle(pilot: Pilot[None]) -> None:
        app = app_of(pilot)
        await until(pilot, lambda: len(app.main.views()) == len(made[1]))
        screen = CompareScreen(app.runs_root, [made[1][name] for name in names])
        app.push_screen(screen)
        await until(pilot, lambda: screen.ready and "Comparing" not in said(pilot, "#compared"))
        await pressed(pilot, keys, then)

    return settle


def ranked(made: Made, *keys: str, then: str = "") -> Settle:
    """Open the leaderboard and press keys."""

    async def settle(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(app_of(pilot).main.views()) == len(made[1]))
        await pilot.press("L")
        await until(pilot, lambda: isinstance(pilot.app.screen, LeaderboardScreen))
        await until(pilot, lambda: "tested runs" in said(pilot, "#ranked"))
        await pressed(pilot, keys, then)

    return settle


def shown(made: Made, *keys: str, then: str = "") -> Settle:
    """Press keys on the main screen."""

    async def settle(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(app_of(pilot).main.views()) == len(made[1]))
        await pressed(pilot, keys, then)

    return settle


async def pressed(pilot: Pilot[None], keys: Sequence[str], then: str) -> None:
    await pilot.press(*keys)
    if then:
        await until(pilot, lambda: pilot.app.screen.query(then))
    for cursor in pilot.app.screen.query("Input"):
        cursor.cursor_blink = False  # type: ignore[attr-defined]
    await pilot.pause(0.3)


@pytest.mark.parametrize(
    ("size", "tab"),
    [(SIZE, "metrics"), (SMALL, "metrics"), (SMALL, "settings"), (SMALL, "curves")],
    ids=str,
)
def test_compare(made: Made, snap_compare: Compare, size: tuple[int, int], tab: str) -> None:
    settle = compared(made, MANY, {"metrics": "1", "settings": "2", "curves": "3"}[tab])
    assert snap_compare(app_on(made), terminal_size=size, run_before=settle)


@pytest.mark.parametrize("theme", ["b4r-high-contrast", "b4r-colour-blind"])
def test_compare_in_other_colours(made: Made, snap_compare: Compare, theme: str) -> None:
    settle = compared(made, MANY, "3")
    assert snap_compare(app_on(made, theme), terminal_size=SIZE, run_before=settle)


def test_compare_refuses(made: Made, snap_compare: Compare) -> None:
    assert snap_compare(app_on(made), terminal_size=SIZE, run_before=compared(made, ["small 1", "sampled"]))


def test_compare_on_a_large_terminal(made: Made, snap_compare: Compare) -> None:
    assert snap_compare(app_on(made), terminal_size=(200, 60), run_before=compared(made, MANY))


def test_where_to_export(made: Made, snap_compare: Compare) -> None:
    settle = compared(made, MANY, "x", then="AskName Input")
    assert snap_compare(app_on(made), terminal_size=SMALL, run_before=settle)


def test_which_metric(made: Made, snap_compare: Compare) -> None:
    settle = compared(made, MANY, "m", then="OptionList")
    assert snap_compare(app_on(made), terminal_size=SIZE, run_before=settle)


@pytest.mark.parametrize("size", [SIZE, SMALL], ids=str)
def test_the_picker(made: Made, snap_compare: Compare, size: tuple[int, int]) -> None:
    settle = shown(made, "c", "down", "space", then="SelectionList")
    assert snap_compare(app_on(made), terminal_size=size, run_before=settle)


@pytest.mark.parametrize("size", [SIZE, SMALL], ids=str)
def test_the_leaderboard(made: Made, snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app_on(made), terminal_size=size, run_before=ranked(made, "space"))


@pytest.mark.parametrize("theme", ["b4r-high-contrast", "b4r-colour-blind-light"])
def test_the_leaderboard_beside_a_baseline(made: Made, snap_compare: Compare, theme: str) -> None:
    async def settle(pilot: Pilot[None]) -> None:
        await ranked(made, "down", "b")(pilot)
        await until(pilot, lambda: "Holm" in said(pilot, "#notes"))
        await pilot.pause(0.3)

    assert snap_compare(app_on(made, theme), terminal_size=SIZE, run_before=settle)


def test_the_leaderboard_without_runs(place: Place, snap_compare: Compare) -> None:
    async def settle(pilot: Pilot[None]) -> None:
        await pilot.press("L")
        await until(pilot, lambda: isinstance(pilot.app.screen, LeaderboardScreen))
        await until(pilot, lambda: "No run has test metrics" in said(pilot, "#notes"))

    assert snap_compare(place.app(), terminal_size=SIZE, run_before=settle)


@pytest.mark.parametrize(("size", "words"), [(SIZE, ""), (SMALL, "compare")], ids=str)
def test_the_palette(made: Made, snap_compare: Compare, size: tuple[int, int], words: str) -> None:
    async def settle(pilot: Pilot[None]) -> None:
        await shown(made)(pilot)
        await typed_in_palette(pilot, words)
        assert isinstance(pilot.app.screen, CommandPalette)
        await pressed(pilot, [], "")

    assert snap_compare(app_on(made), terminal_size=size, run_before=settle)


@pytest.mark.parametrize(("size", "page"), [(SMALL, 1), (SMALL, 2), (SIZE, 4)], ids=str)
def test_the_tour(tmp_path: Path, snap_compare: Compare, size: tuple[int, int], page: int) -> None:
    app = B4RApp(tmp_path / "experiments.toml", tmp_path / "runs", now=lambda: NOW, period=0.1, tour=True)

    async def settle(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: pilot.app.screen.query("Tour #next"))
        await pressed(pilot, ["right"] * (page - 1), "")

    assert snap_compare(app, terminal_size=size, run_before=settle)
