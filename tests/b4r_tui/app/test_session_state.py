"""The session state is restored at the next start; a file that cannot be used is reported, never fatal."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import TabbedContent

from b4r_tui.app.app import B4RApp
from b4r_tui.app.screens.dialogs.choose import Choose
from b4r_tui.app.session_state import MAX_FILES, SessionState
from b4r_tui.app.widgets.experiment_list import ExperimentList
from tests.b4r_tui.app.conftest import Place, until
from tests.b4r_tui.app.keyboard import app_of, choose_in_palette, toasts
from tests.b4r_tui.app.sample_runs import NOW

SIZE = (120, 36)


@asynccontextmanager
async def started(place: Place, state: Path, size: tuple[int, int] = SIZE) -> AsyncIterator[Pilot[None]]:
    """The app with a session file, once the last session is restored."""
    app = B4RApp(place.file, place.runs, now=lambda: NOW, period=0.1, state=SessionState(state))
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.session.restored)
        await pilot.pause()
        yield pilot


async def left(pilot: Pilot[None]) -> None:
    await pilot.press("q")


async def test_theme_experiment_tab_sizes_and_sort_order_are_restored(place: Place, tmp_path: Path) -> None:
    state = tmp_path / "state" / "app.json"
    place.finished("ml-1m-dmp")
    place.failed("ml-1m-dmp")
    async with started(place, state) as pilot:
        app = app_of(pilot)
        assert app.theme == "b4r-dark"
        width, height = (app.main.query_one(pane).outer_size for pane in ("#left", "#runs"))
        await choose_in_palette(pilot, "Theme: b4r-colour-blind")
        await pilot.press("down", "greater_than_sign", "greater_than_sign", "right_curly_bracket")
        await until(pilot, lambda: app.main.query(TabbedContent))
        await pilot.press("5")
        app.main.table.table.focus()
        await pilot.press("o", "o", "O", "g")
        await pilot.press("M")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: app.main.table.metric is not None)
        kept = app.main.table.saved
        assert kept["by"] and kept["grouped"] and kept["metric"]
        await left(pilot)
    async with started(place, state) as pilot:
        app = app_of(pilot)
        assert app.theme == "b4r-colour-blind"
        assert app.main.query_one(ExperimentList).selected == "ml-1m-dmp"
        assert app.main.query_one(ExperimentList).has_focus
        await until(pilot, lambda: app.main.table.table.row_count == 3)
        app.main.table.table.move_cursor(row=1)  # from the heading to a run
        await until(pilot, lambda: app.main.query(TabbedContent))
        await until(pilot, lambda: app.main.query_one(TabbedContent).active == "results")
        assert app.main.query_one("#left").outer_size.width == width.width + 8
        assert app.main.query_one("#runs").outer_size.height == height.height + 2
        assert app.main.table.saved == kept
        assert toasts(pilot) == []
        await choose_in_palette(pilot, "Layout: reset")
        await until(pilot, lambda: app.main.query_one("#left").outer_size.width == width.width)
        await left(pilot)
    assert json.loads(state.read_text())["size.left"] is None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{"v": 1, "theme": ', "could not be read"),
        (b"\xff\x00\xfe", "could not be read"),
        (b"[1, 2]", "could not be read"),
        (b'{"v": 99, "theme": "b4r-light"}', "has version 99, not 1"),
    ],
)
async def test_a_broken_file_is_reported_and_overwritten_with_the_next_change(
    place: Place, tmp_path: Path, content: bytes, why: str
) -> None:
    state = tmp_path / "app.json"
    state.write_bytes(content)
    async with started(place, state) as pilot:
        assert pilot.app.theme == "b4r-dark"
        await until(pilot, lambda: any(why in text and str(state) in text for text in toasts(pilot)))
        pilot.app.theme = "b4r-light"
        await pilot.pause()
        await left(pilot)
    assert SessionState(state).fault is None
    assert SessionState(state).get("theme", lambda _: True) == "b4r-light"


async def test_values_that_are_not_valid_are_ignored(place: Place, tmp_path: Path) -> None:
    state = tmp_path / "app.json"
    values = {
        "v": 1,
        "theme": "gone",
        "tab": 7,
        "size.left": 4000,
        "size.runs": "tall",
        "notify": ["x"],
        "table": {"by": ["loss"], "grouped": "yes", "metric": ["full", "hit@3"]},
        "experiments": {str(place.file): 3},
    }
    state.write_text(json.dumps(values))
    place.finished()
    async with started(place, state) as pilot:
        app = app_of(pilot)
        assert app.theme == "b4r-dark"
        await until(pilot, lambda: app.main.query(TabbedContent))
        assert app.main.query_one(TabbedContent).active == "epochs"
        assert app.main.query_one("#left").outer_size.width == 28
        assert app.main.table.saved | {"metric": None} == {
            "by": "",
            "falls": False,
            "grouped": False,
            "metric": None,
        }
        headings = [column.label for column in app.main.table._columns]
        assert any("NDCG@10" in heading for heading in headings)  # no run measured what was asked for
        assert app.main.query_one(ExperimentList).selected == "ml-1m-base"


async def test_the_app_works_with_a_home_that_cannot_be_written(place: Place, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    async with started(place, tmp_path / "state" / "app.json") as pilot:
        pilot.app.theme = "b4r-light"
        await pilot.pause()
        await left(pilot)
    assert pilot.app.return_code == 0


def test_two_apps_keep_what_each_of_them_changed(tmp_path: Path) -> None:
    one, other = SessionState(tmp_path / "app.json"), SessionState(tmp_path / "app.json")
    one.put("theme", "b4r-light")
    other.put("tab", "log")
    one.put_experiment(tmp_path / "one.toml", "base")
    other.put_experiment(tmp_path / "other.toml", "big")
    one.save()
    other.save()
    found = SessionState(tmp_path / "app.json")
    assert found.get("theme", lambda _: True) == "b4r-light" and found.get("tab", lambda _: True) == "log"
    assert found.experiment(tmp_path / "one.toml") == "base"
    assert found.experiment(tmp_path / "other.toml") == "big"
    assert (tmp_path / "app.json").stat().st_mode & 0o077 == 0


def test_experiments_of_the_newest_files_are_remembered(tmp_path: Path) -> None:
    kept = SessionState(tmp_path / "app.json")
    for number in range(MAX_FILES + 5):
        kept.put_experiment(tmp_path / f"{number}.toml", "base")
    kept.save()
    found = SessionState(tmp_path / "app.json")
    assert found.experiment(tmp_path / "4.toml") is None
    assert found.experiment(tmp_path / f"{MAX_FILES + 4}.toml") == "base"
