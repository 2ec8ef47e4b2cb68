"""The command palette: it offers what every key of every screen does, and does it; themes, runs, settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.actions import parse
from textual.binding import Binding
from textual.command import CommandList, CommandPalette
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import TabbedContent

from b4r_tui.app.screens.command_palette import PARTS, SCREENS, bound, bound_in_parts, is_offered
from b4r_tui.app.screens.compare.picker import ComparePicker
from b4r_tui.app.screens.compare.screen import CompareScreen
from b4r_tui.app.screens.dialogs.ask_name import AskName
from b4r_tui.app.screens.dialogs.error import ErrorDialog
from b4r_tui.app.screens.editor.screen import EditorScreen
from b4r_tui.app.screens.help import Help
from b4r_tui.app.screens.leaderboard import LeaderboardScreen
from b4r_tui.app.screens.main.screen import MainScreen
from b4r_tui.app.screens.tour import Tour
from b4r_tui.app.widgets.log.log_tab import LogTab
from b4r_tui.app.widgets.runs.table import RunTable
from b4r_tui.runs.store import Run
from tests.b4r_tui.app.conftest import Place, until
from tests.b4r_tui.app.keyboard import app_of, choose_in_palette, offered, typed_in_palette
from tests.b4r_tui.app.sample_runs import write_experiments
from tests.b4r_tui.app.tested_runs import make_tested_runs

SIZE = (120, 36)
Made = tuple[Place, dict[str, Run]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """Runs that no test here changes, in a folder whose name looks like markup."""
    folder = tmp_path_factory.mktemp("offered") / "[b]data[red 評価"
    folder.mkdir()
    write_experiments(folder)
    place = Place(folder)
    yield place, make_tested_runs(place)


@asynccontextmanager
async def opened(made: Made) -> AsyncIterator[Pilot[None]]:
    place, runs = made
    async with place.app().run_test(size=SIZE) as pilot:
        await until(pilot, lambda: len(app_of(pilot).main.views()) == len(runs))
        yield pilot


def told(kind: type[Any]) -> list[Binding]:
    return [binding for binding in Binding.make_bindings(kind.BINDINGS) if is_offered(binding)]


async def go_to(pilot: Pilot[None], kind: type[Screen[Any]], runs: dict[str, Run]) -> None:
    """Open a screen."""
    app = app_of(pilot)
    if kind is CompareScreen:
        app.open_comparison([runs["small 1"], runs["small 2"], runs["big 1"], runs["sampled"]])
    elif kind is not MainScreen:
        await pilot.press({EditorScreen: "e", LeaderboardScreen: "L"}[kind])
    await until(pilot, lambda: isinstance(app.screen, kind) and getattr(app.screen, "ready", True))


def enabled(screen: Screen[Any], binding: Binding) -> bool:
    _, action, parameters = parse(binding.action)
    return bool(screen.check_action(action, parameters))


async def test_every_key_of_every_screen_is_offered_wherever_the_palette_is_opened(made: Made) -> None:
    async with opened(made) as pilot:
        for where, kind in SCREENS.items():
            await go_to(pilot, kind, made[1])
            screen = pilot.app.screen
            names = await typed_in_palette(pilot, "")
            for binding in told(kind):
                assert (binding.description in names) == enabled(screen, binding), binding.description
            for other, elsewhere in SCREENS.items():
                wanted = [
                    each.description for each in told(elsewhere) if each.action not in ("leave", "dismiss")
                ]
                assert other == where or [name for name in wanted if f"{other}: {name}" not in names] == []
            for node, binding in (*bound(screen), *bound_in_parts(screen)):
                space, action, _ = parse(binding.action)
                does = {"app": pilot.app, "screen": screen}.get(space, node)
                assert hasattr(does, f"action_{action}") or hasattr(does, f"_action_{action}"), binding.action
            await pilot.press("escape")
            await until(pilot, lambda screen=screen: pilot.app.screen is screen)  # type: ignore[misc]
            while not isinstance(pilot.app.screen, MainScreen):
                await pilot.app.pop_screen()


async def test_the_keys_of_the_parts_in_sight_are_offered_and_name_their_part(made: Made) -> None:
    async with opened(made) as pilot:
        await pilot.press("a", "3")
        await until(pilot, lambda: pilot.app.screen.query(LogTab))
        names = await typed_in_palette(pilot, "")
        for kind in (RunTable, LogTab):
            part = PARTS[kind.__name__]
            wanted = [binding.description for binding in told(kind) if binding.tooltip]
            assert [name for name in wanted if f"{part}: {name}" not in names] == []
        assert not [name for name in names if name.startswith(("Curves:", "Config:"))]  # below other tabs
        await pilot.press("escape")
        await choose_in_palette(pilot, "Table of runs: Mark all")
        await until(pilot, lambda: len(app_of(pilot).main.table.marked) == len(made[1]))


def test_all_parts_with_keys_are_known() -> None:
    """A widget of ours whose keys have a sentence is in PARTS, so that the palette can offer them."""
    import importlib
    import pkgutil

    from textual.widget import Widget

    import b4r_tui.app.widgets

    found = set()
    for module in pkgutil.walk_packages(b4r_tui.app.widgets.__path__, "b4r_tui.app.widgets."):
        for kind in vars(importlib.import_module(module.name)).values():
            if isinstance(kind, type) and issubclass(kind, Widget) and kind.__module__ == module.name:
                bindings = Binding.make_bindings(vars(kind).get("BINDINGS", []))
                found |= {kind.__name__} if any(binding.tooltip for binding in bindings) else set()
    assert found - {"SearchLine"} == set(PARTS)  # a question is answered, with its own keys


async def test_a_command_of_another_screen_goes_there_and_does_it(made: Made) -> None:
    async with opened(made) as pilot:
        app = app_of(pilot)
        for name, kind, then in (
            ("Leaderboard: Export", LeaderboardScreen, AskName),
            ("Editor: New", EditorScreen, AskName),
            ("Runs: Help", MainScreen, Help),
            ("Tour", MainScreen, Tour),
        ):
            await choose_in_palette(pilot, name.removeprefix("Runs: "))
            await until(pilot, lambda then=then: isinstance(app.screen, then))  # type: ignore[misc]
            assert any(isinstance(screen, kind) for screen in app.screen_stack)
            await pilot.press("escape")
            await until(pilot, lambda then=then: not isinstance(app.screen, then))  # type: ignore[misc]


async def test_a_command_of_compare_waits_for_the_runs_to_be_chosen(made: Made) -> None:
    async with opened(made) as pilot:
        app = app_of(pilot)
        await choose_in_palette(pilot, "Compare: Curves")
        await until(pilot, lambda: isinstance(app.screen, ComparePicker))
        await pilot.press("a", "enter")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        await until(pilot, lambda: app.screen.query_one(TabbedContent).active == "curves")
        await choose_in_palette(pilot, "Runs: All runs")  # and back again
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        await until(pilot, lambda: app.main.table.border_title == "Runs of all experiments")


async def test_a_command_that_cannot_be_is_not_done_later(place: Place) -> None:
    place.running()
    async with place.app().run_test(size=SIZE) as pilot:
        app = app_of(pilot)
        await until(pilot, lambda: len(app.main.views()) == 1)
        await choose_in_palette(pilot, "Compare: Export")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        await pilot.press("escape")
        await until(pilot, lambda: not [each for each in app.workers if each.group == "navigation"])
        assert isinstance(app.screen, MainScreen)


async def test_an_editor_with_changes_is_not_left_by_a_command(place: Place) -> None:
    async with place.app().run_test(size=SIZE) as pilot:
        app = app_of(pilot)
        await until(pilot, lambda: app.main._snapshot is not None)
        await go_to(pilot, EditorScreen, {})
        await choose_in_palette(pilot, "Duplicate")
        await until(pilot, lambda: isinstance(app.screen, AskName))
        await pilot.press(*"copy", "enter")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen) and app.screen.changed)
        await choose_in_palette(pilot, "Leaderboard: Export")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        assert "save them or leave the editor first" in str(app.screen.query_one("Static").render())


async def test_a_theme_is_chosen_by_name_and_all_are_offered(made: Made) -> None:
    async with opened(made) as pilot:
        names = await typed_in_palette(pilot, "theme b4r")
        mine = [name for name in names if name.startswith("Theme: b4r-")]
        assert sorted(mine) == [
            f"Theme: b4r-{name}"
            for name in ("colour-blind", "colour-blind-light", "dark", "high-contrast", "light")
        ]
        await pilot.press("escape")
        await choose_in_palette(pilot, "Theme: b4r-high-contrast")
        await until(pilot, lambda: pilot.app.theme == "b4r-high-contrast")
        assert app_of(pilot).session.state.get("theme", lambda _: True) == "b4r-high-contrast"


async def test_a_run_and_an_experiment_are_found_by_words(made: Made) -> None:
    run = made[1]["middle"]
    async with opened(made) as pilot:
        app = app_of(pilot)
        await choose_in_palette(pilot, f"Open run middle {run.run_id}")
        await until(
            pilot, lambda: app.main.table.selected and app.main.table.selected.run.run_id == run.run_id
        )
        await choose_in_palette(pilot, "Edit experiment ml-1m-dmp")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))


async def test_what_stands_below_a_command_is_shown_as_it_is(made: Made) -> None:
    """The folder's name would be markup, a broken one."""
    async with opened(made) as pilot:
        await typed_in_palette(pilot, "open run middle")
        below = str(pilot.app.screen.query_one(CommandList).options[0].prompt)
        assert str(made[1]["middle"].dir) in below
        assert offered(pilot)[0].startswith("Open run middle")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, CommandPalette))


async def test_how_ends_are_announced_is_chosen_and_remembered(made: Made) -> None:
    async with opened(made) as pilot:
        state = app_of(pilot).session.state
        await choose_in_palette(pilot, "When a run ends: nothing (mute)")
        await until(pilot, lambda: state.get("notify", lambda _: True) == "off")
        await choose_in_palette(pilot, "Desktop notification: OSC 9 (iTerm2, kitty, WezTerm)")
        await until(pilot, lambda: state.get("desktop", lambda _: True) == "osc9")


def test_keys_are_spelled_as_they_are_typed() -> None:
    """No key is shown by the name that Textual has for it."""
    from b4r_tui.app.screens.command_palette import key_of

    bindings = [binding for kind in SCREENS.values() for binding in told(kind)]
    assert [key_of(binding) for binding in bindings if "_" in key_of(binding)] == []
