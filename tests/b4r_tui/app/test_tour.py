"""The first start in an empty folder: the tour's pages, the file that it makes, and leaving without one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button

from b4r_tui.app.app import B4RApp
from b4r_tui.app.screens.main.screen import MainScreen
from b4r_tui.app.screens.tour import KEYS, STEPS, Tour
from b4r_tui.app.widgets.experiment_list import ExperimentList
from b4r_tui.experiments.load import load_experiments
from tests.b4r_tui.app.conftest import until
from tests.b4r_tui.app.keyboard import app_of, choose_in_palette, said, toasts
from tests.terminal import PROGRAM, Terminal

SIZE = (120, 36)
FILE = "experiments.toml"


@asynccontextmanager
async def first_start(
    folder: Path, tour: bool = True, size: tuple[int, int] = SIZE
) -> AsyncIterator[Pilot[None]]:
    app = B4RApp(folder / FILE, folder / "runs", period=0.1, tour=tour)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.main._snapshot is not None)
        yield pilot


def step(pilot: Pilot[None]) -> str:
    """The title above the page."""
    return str(pilot.app.screen.query_one("#box").border_title)


async def touring(pilot: Pilot[None]) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, Tour) and isinstance(pilot.app.focused, Button))


async def test_enter_goes_through_all_pages_and_creates_a_valid_file(tmp_path: Path) -> None:
    async with first_start(tmp_path) as pilot:
        await touring(pilot)
        for number, page in enumerate(STEPS, 1):
            assert step(pilot) == f"{page.title}  {number}/{len(STEPS)}"
            assert not (tmp_path / FILE).exists()
            await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))
        found = pilot.app.screen.query_one(ExperimentList)
        await until(pilot, lambda: [option.id for option in found.options] == ["chain-ddp", "chain-dmp"])
        await until(pilot, lambda: toasts(pilot) == ["Press l to launch the highlighted experiment."])
        assert found.selected == "chain-ddp"
    loaded = load_experiments(tmp_path / FILE)
    assert [(each.launch.mode, each.launch.ranks) for each in loaded.runnable()] == [("ddp", 1), ("dmp", 2)]
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("way", ["escape", "q", "click"])
async def test_skipping_creates_nothing_and_the_app_says_what_to_do(tmp_path: Path, way: str) -> None:
    async with first_start(tmp_path) as pilot:
        await touring(pilot)
        await pilot.press("right", "right", "right")
        assert step(pilot).endswith("4/4")
        await (pilot.click("#skip") if way == "click" else pilot.press(way))
        await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))
        assert list(tmp_path.iterdir()) == []
        assert FILE in said(pilot, "#problem-text")


async def test_pages_turn_both_ways_and_stop_at_the_ends(tmp_path: Path) -> None:
    async with first_start(tmp_path) as pilot:
        await touring(pilot)
        await pilot.press("left")
        assert step(pilot).endswith("1/4") and pilot.app.screen.query_one("#back", Button).disabled
        await pilot.press("n", "right", "pagedown", "right")
        assert step(pilot).endswith("4/4")
        assert str(pilot.app.screen.query_one("#next", Button).label) == f"Create {FILE}"
        await pilot.press("p", "backspace")
        assert step(pilot).endswith("2/4")
        await pilot.click("#back")
        assert step(pilot).endswith("1/4")
        await pilot.click("#next")
        assert step(pilot).endswith("2/4")
        await pilot.press("shift+tab", "enter")  # the button before it
        assert step(pilot).endswith("1/4")


async def test_keys_that_the_tour_names_are_keys_of_the_app(tmp_path: Path) -> None:
    async with first_start(tmp_path, tour=False) as pilot:
        known = set(pilot.app.screen.active_bindings)
        named = {key.replace("?", "question_mark") for keys, _ in KEYS for key in keys.split()}
        assert named <= known


async def test_a_folder_that_cannot_be_written_is_reported_on_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("b4r_tui.experiments.demo.tempfile.mkstemp", refuse)
    async with first_start(tmp_path) as pilot:
        await touring(pilot)
        await pilot.press("right", "right", "right", "enter")
        assert "Read-only file system; start b4r-tui in a writable folder" in said(pilot, "#text")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))


async def test_the_tour_never_replaces_a_file(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("# mine\n")
    async with first_start(tmp_path) as pilot:
        assert isinstance(pilot.app.screen, MainScreen)  # there is a file: no tour by itself
        await choose_in_palette(pilot, "Tour")
        await touring(pilot)
        await pilot.press("right", "right", "right", "enter")
        assert "exists and was not changed" in said(pilot, "#text")
    assert (tmp_path / FILE).read_text() == "# mine\n"


async def test_a_small_terminal_shows_all_of_every_page(tmp_path: Path) -> None:
    async with first_start(tmp_path, size=(80, 24)) as pilot:
        await touring(pilot)
        for _ in STEPS:
            page = pilot.app.screen.query_one("#page")
            assert page.max_scroll_y == 0, step(pilot)
            assert app_of(pilot).screen.query_one("#next").region.bottom < 24
            await pilot.press("right")


def test_the_first_start_in_a_real_terminal(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, 80, 24)
    terminal.shows("Welcome  1/4")
    for number in (2, 3, 4):
        terminal.press("\r")
        terminal.shows(f"{number}/4")
    terminal.press("\r")
    terminal.shows("Runs of chain-ddp")
    terminal.press("q")
    terminal.ends()
    assert terminal.child.exitstatus == 0
    assert load_experiments(tmp_path / FILE).experiments


def test_a_file_that_is_named_and_missing_is_an_error_and_no_tour(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, command=(PROGRAM, "-f", "mine.toml"))
    terminal.shows("mine.toml")
    assert "Welcome" not in terminal.screen
    terminal.press("q")
    terminal.ends()
    assert list(tmp_path.glob("*.toml")) == []
