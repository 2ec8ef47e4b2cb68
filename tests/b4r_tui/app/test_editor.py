"""The experiments editor: form and text change one document, and every key works."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import tomli
from textual.pilot import Pilot
from textual.widgets import Input, Select, Static

from b4r_tui.app.app import B4RApp
from b4r_tui.app.screens.dialogs.ask_name import AskName, AskOne
from b4r_tui.app.screens.editor.screen import EditorScreen
from b4r_tui.app.screens.main.screen import MainScreen
from b4r_tui.app.widgets.form.experiment_bar import visible_range
from b4r_tui.app.widgets.form.form import ExperimentForm
from b4r_tui.app.widgets.form.setting_filter import SettingFilter
from b4r_tui.app.widgets.form.setting_row import SettingRow
from b4r_tui.app.widgets.form.toml_editor import TomlEditor, changed_range
from tests.b4r_tui.app.conftest import Place, until

SIZE = (120, 36)


class Desk:
    """The editor in a running app, with shortcuts for tests."""

    def __init__(self, pilot: Pilot[None], screen: EditorScreen, file: Path) -> None:
        self.pilot, self.screen, self.file = pilot, screen, file

    @property
    def text(self) -> str:
        return self.screen.query_one(TomlEditor).text

    @property
    def values(self) -> dict[str, dict[str, dict[str, object]]]:
        return tomli.loads(self.text)["experiments"]  # type: ignore[no-any-return]

    @property
    def name(self) -> str:
        return str(self.screen.query_one("#form").border_title)

    def row(self, key: str) -> SettingRow:
        row = self.screen.query_one(ExperimentForm).row(key)
        assert row is not None
        return row

    async def at(self, key: str, *keys: str) -> None:
        self.row(key).focus()
        await self.pilot.pause()
        await self.press(*keys)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def until(self, true: object) -> None:
        assert callable(true)
        await until(self.pilot, true, seconds=60)  # a busy machine is no reason to fail

    async def asked(self, kind: type[AskName] | type[AskOne]) -> None:
        await self.until(lambda: isinstance(self.pilot.app.screen, kind))
        await self.pilot.pause()

    async def back(self) -> None:
        await self.until(lambda: self.pilot.app.screen is self.screen)

    async def named(self, name: str) -> None:
        await self.asked(AskName)
        self.pilot.app.screen.query_one(Input).value = name
        await self.press("enter")
        await self.back()


@asynccontextmanager
async def editing(place: Place, size: tuple[int, int] = SIZE, data: bool = True) -> AsyncIterator[Desk]:
    if data:  # a data folder with what is looked for, so that the file is valid
        (place.folder / "ml-1m").mkdir(exist_ok=True)
        (place.folder / "ml-1m" / "ratings.dat").write_text("1::1::5::1\n")
    app = place.app()
    async with app.run_test(size=size) as pilot:
        screen = EditorScreen(place.file, "ml-1m-dmp", poll_seconds=0.1)
        app.push_screen(screen)
        await until(
            pilot, lambda: screen.is_mounted and screen.query(SettingRow) and screen.panes.result.runs
        )
        yield Desk(pilot, screen, place.file)


def line_with(text: str, part: str) -> str:
    return next(line for line in text.splitlines() if part in line)


async def test_rows_show_the_value_and_its_origin(place: Place) -> None:
    async with editing(place) as desk:
        assert desk.name == "ml-1m-dmp"
        assert (
            desk.row("launch.mode").content.value == "dmp"
            and desk.row("launch.mode").content.note == "overrides ddp"
        )
        assert desk.row("model.emb_dim").content.note == "ml-1m-base"
        assert desk.row("training.num_epochs").content.note == "[defaults]"
        assert desk.row("training.lr").content.note == "" and desk.row("training.lr").content.value == "0.001"
        assert len(desk.screen.query(SettingRow)) > 60
        await desk.at("model.emb_dim")
        help_text = str(desk.screen.query_one("#help", Static).render())
        assert "a multiple of 4" in help_text and "From ml-1m-base." in help_text


async def test_input_changes_the_text_at_once_and_esc_reverts_it(place: Place) -> None:
    async with editing(place) as desk:
        before = desk.text
        await desk.at("training.lr", "enter", *"3e-4")
        assert desk.values["ml-1m-dmp"]["training"] == {"lr": 3e-4}
        assert "training.lr = 3e-4" in desk.text
        await desk.press("escape")
        await desk.until(lambda: desk.text == before and not desk.row("training.lr").editing)
        await desk.press("enter", *"3e-4", "enter")
        await desk.until(lambda: desk.row("training.lr").content.here and desk.row("training.lr").has_focus)
        await desk.press("ctrl+z")
        await desk.until(lambda: desk.text == before)
        await desk.press("ctrl+y")
        await desk.until(lambda: "training.lr = 3e-4" in desk.text)
        await desk.press("r")
        await desk.until(lambda: desk.text == before)


async def test_a_bool_is_toggled_and_a_choice_is_selected(place: Place) -> None:
    async with editing(place) as desk:
        await desk.at("training.loss", "enter")
        await desk.until(lambda: desk.row("training.loss").query(Select))
        await desk.press("down", "enter")
        await desk.until(lambda: not desk.row("training.loss").editing)
        assert desk.values["ml-1m-dmp"]["training"] == {"loss": "sampled"}
        await desk.at("model.tie_output", "space")
        assert desk.values["ml-1m-dmp"]["model"] == {"tie_output": True}
        await desk.at("evaluation.protocols", "enter", *"full, uniform-9", "enter")
        assert desk.values["ml-1m-dmp"]["evaluation"] == {"protocols": ["full", "uniform-9"]}


async def test_a_change_of_the_text_is_shown_in_the_form(place: Place) -> None:
    async with editing(place) as desk:
        area = desk.screen.query_one(TomlEditor)
        await desk.press("tab")
        assert area.has_focus
        area.show_line(next(at for at, line in enumerate(desk.text.splitlines(), 1) if "emb_dim" in line))
        await desk.press("end", "backspace", "backspace", *"128")
        await desk.until(lambda: desk.row("model.emb_dim").content.value == "128")
        await desk.press("ctrl+z")
        assert "emb_dim = 64" in desk.text
        await desk.press("tab")
        assert not area.has_focus


async def test_an_error_is_shown_at_its_row_and_at_its_line(place: Place) -> None:
    async with editing(place) as desk:
        await desk.at("training.lr", "enter", *"fast", "enter")
        await desk.until(lambda: desk.row("training.lr").content.error)
        assert desk.row("training.lr").content.error == "'fast' is not a number"
        at = desk.text.splitlines().index(line_with(desk.text, '"fast"'))
        assert "✗ 'fast' is not a number" in desk.screen.query_one(TomlEditor).get_line(at).plain
        assert "'fast' is not a number" in str(desk.screen.query_one("#problems-of-text", Static).render())
        await desk.press("f8")
        assert desk.screen.query_one(TomlEditor).cursor_location[0] == at


async def test_invalid_toml_leaves_the_form_unchanged_and_rejects_its_changes(place: Place) -> None:
    async with editing(place) as desk:
        await desk.press("tab", "ctrl+end", *"[x")
        await desk.until(lambda: desk.screen.query_one("#form").has_class("stale"))
        before = desk.text
        await desk.at("training.lr", "enter", "5", "enter")
        assert desk.text == before and desk.row("model.emb_dim").content.value == "64"
        await desk.press("ctrl+z")
        await desk.until(lambda: not desk.screen.query_one("#form").has_class("stale"))


async def test_ctrl_s_saves_and_leaving_asks_about_unsaved_changes(place: Place) -> None:
    before = place.file.read_text()
    async with editing(place) as desk:
        await desk.at("training.lr", "enter", "1", "enter")
        assert place.file.read_text() == before and desk.screen.changed
        await desk.press("escape")
        await desk.asked(AskOne)
        await desk.press("escape")
        await desk.back()
        await desk.press("ctrl+s")
        await desk.until(lambda: not desk.screen.changed)
        assert place.file.read_text() == desk.text != before
        await desk.at("training.lr", "r", "escape")
        await desk.asked(AskOne)
        await desk.press("s")
        await desk.until(lambda: isinstance(desk.pilot.app.screen, MainScreen))
        assert place.file.read_text() == before


async def test_quitting_asks_about_unsaved_changes(place: Place) -> None:
    before = place.file.read_text()
    async with editing(place) as desk:
        await desk.at("training.lr", "enter", "1", "enter", "ctrl+q")
        await desk.asked(AskOne)
        await desk.press("d")
        await desk.until(lambda: not desk.pilot.app.is_running or desk.pilot.app._exit)
    assert place.file.read_text() == before


async def test_new_duplicate_extend_rename_and_delete(place: Place) -> None:
    async with editing(place) as desk:
        await desk.press("n")
        await desk.named("fresh")
        await desk.until(lambda: desk.name == "fresh")
        assert desk.values["fresh"] == {"data": {"dataset_name": "synthetic"}}
        await desk.press("x")
        await desk.named("child")
        assert desk.values["child"] == {"extends": "fresh"}
        await desk.press("d")
        await desk.named("twin")
        assert desk.values["twin"] == {"extends": "fresh"}
        await desk.press("left_square_bracket", "left_square_bracket")
        await desk.until(lambda: desk.name == "fresh")
        await desk.press("R")
        await desk.named("root")
        assert desk.values["twin"] == desk.values["child"] == {"extends": "root"}
        await desk.press("D")
        await desk.asked(AskOne)
        assert "child, twin" in str(desk.pilot.app.screen.query_one(Static).render())
        await desk.press("d")
        await desk.back()
        assert "root" not in desk.values and "twin" in desk.values


async def test_a_name_that_is_taken_is_rejected_while_it_is_typed(place: Place) -> None:
    async with editing(place) as desk:
        await desk.press("d")
        await desk.asked(AskName)
        asking = desk.pilot.app.screen
        asking.query_one(Input).value = "ml-1m-base"
        await desk.until(lambda: "already" in str(asking.query_one("#fault", Static).render()))
        await desk.press("enter")
        assert desk.pilot.app.screen is asking
        await desk.press("escape")
        await desk.back()


async def test_slash_filters_the_settings(place: Place) -> None:
    async with editing(place) as desk:
        form = desk.screen.query_one(ExperimentForm)
        await desk.press("slash", *"dropout")
        await desk.until(
            lambda: {row.setting.key for row in form.rows} >= {"model.dropout"} and len(form.rows) < 5
        )
        await desk.press("enter")
        assert form.current_row in form.rows
        await desk.press("slash", "escape")
        await desk.until(lambda: len(form.rows) > 60)
        assert not form.query_one(SettingFilter).display


async def test_w_sweeps_a_setting_and_runs_are_counted(place: Place) -> None:
    async with editing(place) as desk:
        await desk.at("training.lr", "w")
        await desk.until(
            lambda: desk.screen.query_one(ExperimentForm).current_row is desk.row("sweep.training.lr")
        )
        await desk.press("enter", *"1e-3, 3e-4", "enter")
        await desk.at("sweep.seeds", "enter", *"1, 2, 3", "enter")
        assert desk.values["ml-1m-dmp"]["sweep"] == {"training.lr": [1e-3, 3e-4], "seeds": [1, 2, 3]}
        await desk.until(lambda: "6 runs" in str(desk.screen.query_one("#heading-sweep", Static).render()))
        assert desk.row("training.lr").content.note == "swept below"


async def test_the_duration_of_a_sweep_is_estimated_from_earlier_runs(place: Place) -> None:
    place.finished("ml-1m-dmp")
    async with editing(place) as desk:
        await desk.at("training.lr", "w")
        await desk.until(
            lambda: desk.screen.query_one(ExperimentForm).current_row is desk.row("sweep.training.lr")
        )
        await desk.press("enter", *"1e-3, 3e-4", "enter")
        heading = desk.screen.query_one("#heading-sweep", Static)
        await desk.until(lambda: "2 runs, about " in str(heading.render()))


async def test_nothing_is_deleted_while_the_text_is_invalid(place: Place) -> None:
    async with editing(place) as desk:
        desk.screen.query_one(TomlEditor).insert("[[[", (0, 0))
        form, broken = desk.screen.query_one(ExperimentForm), desk.text
        await desk.until(lambda: form.has_class("stale"))
        form.focus_row()
        await desk.press("D")
        messages = [each.message for each in desk.pilot.app._notifications]
        assert messages and "not valid TOML" in messages[-1]
        assert desk.text == broken and desk.pilot.app.screen is desk.screen


async def test_defaults_have_a_form(place: Place) -> None:
    async with editing(place) as desk:
        await desk.press("left_square_bracket", "left_square_bracket")
        await desk.until(lambda: desk.name == "Defaults for all experiments")
        assert not desk.row("description").display
        await desk.at("training.num_epochs", "enter", "7", "enter")
        assert "num_epochs = 7" in desk.text


async def test_changes_by_another_program_are_reloaded_merged_or_asked_about(place: Place) -> None:
    async with editing(place) as desk:
        theirs = place.file.read_text().replace("emb_dim = 64", "emb_dim = 32 # by hand")
        place.file.write_text(theirs)
        await desk.until(lambda: desk.text == theirs)
        assert not desk.screen.changed
        await desk.at("training.lr", "enter", "1", "enter")
        place.file.write_text(theirs.replace("max_len = 200", "max_len = 50"))
        await desk.until(lambda: "max_len = 50" in desk.text and "training.lr = 1" in desk.text)
        assert desk.screen.changed
        place.file.write_text(theirs.replace('"dmp"', '"dmp"\ntraining.lr = 9.0'))
        await desk.asked(AskOne)
        assert "experiments.ml-1m-dmp.training.lr" in str(desk.pilot.app.screen.query_one(Static).render())
        await desk.press("k")
        await desk.back()
        assert "training.lr = 1" in desk.text
        await desk.press("ctrl+s")
        await desk.until(lambda: place.file.read_text() == desk.text)
        await desk.at("training.lr", "enter", "2", "enter")
        place.file.write_text(theirs.replace('"dmp"', '"dmp"\ntraining.lr = 9.0'))
        await desk.asked(AskOne)
        await desk.press("t")
        await desk.until(lambda: "training.lr = 9.0" in desk.text and not desk.screen.changed)


async def test_a_narrow_terminal_shows_form_or_text(place: Place) -> None:
    async with editing(place, (80, 24)) as desk:
        form, text = desk.screen.query_one("#form"), desk.screen.query_one("#text")
        assert form.region.width == 80 and not text.region.width
        await desk.press("ctrl+t")
        await desk.until(lambda: text.region.width == 80 and not form.region.width)
        await desk.press("escape")
        await desk.until(lambda: form.region.width == 80)


async def test_e_and_enter_open_the_editor_on_the_highlighted_experiment(place: Place) -> None:
    async with place.app().run_test(size=SIZE) as pilot:
        main = pilot.app.screen
        assert isinstance(main, MainScreen)
        await until(pilot, lambda: main._snapshot is not None)
        await pilot.press("down")
        for key in ("e", "enter"):
            await pilot.press(key)
            await until(pilot, lambda: pilot.app.screen.query(SettingRow))
            assert pilot.app.screen.query_one("#form").border_title == "ml-1m-dmp"
            await pilot.press("escape")
            await until(pilot, lambda: pilot.app.screen is main)


async def test_a_missing_file_is_created(tmp_path: Path) -> None:
    app = B4RApp(tmp_path / "experiments.toml", tmp_path / "runs", period=0.1)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen) and app.screen.ready)
        screen = app.screen
        assert isinstance(screen, EditorScreen)
        await until(pilot, lambda: screen.query(SettingRow))
        desk = Desk(pilot, screen, tmp_path / "experiments.toml")
        await pilot.press("n")
        await desk.named("first")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: desk.file.exists())
        assert tomli.loads(desk.file.read_text())["experiments"] == {
            "first": {"data": {"dataset_name": "synthetic"}}
        }


async def test_separators_inside_a_line_are_not_taken_for_line_ends(place: Place) -> None:
    odd = place.file.read_text().replace('"dmp"', '"dmp" # a\u2028b\x85c')
    place.file.write_text(odd)
    async with editing(place) as desk:
        assert desk.text == odd and not desk.screen.changed
        area = desk.screen.query_one(TomlEditor)
        row = next(at for at, line in enumerate(odd.split("\n")) if "\u2028" in line)
        assert area.get_line(row).plain.endswith("# a\ufffdb\ufffdc")
        await desk.at("training.lr", "enter", *"5", "enter")
        area.insert("# d\u2029\n", (row + 1, 0))
        await desk.press("ctrl+s")
        await desk.until(lambda: not desk.screen.changed)
        saved = place.file.read_text()
        assert "# a\u2028b\x85c\n# d\u2029\n" in saved and "training.lr = 5" in saved


@pytest.mark.parametrize(
    ("widths", "at", "room", "shown"), [([5, 5, 5], 1, 100, (0, 3)), ([9] * 9, 8, 20, (7, 9))]
)
def test_the_bar_shows_the_experiments_that_fit_around_the_current_one(
    widths: list[int], at: int, room: int, shown: tuple[int, int]
) -> None:
    assert visible_range(widths, at, room) == shown


@pytest.mark.parametrize(("old", "new"), [("abc", "abXc"), ("aa", "aaa"), ("", "x"), ("xyz", "")])
def test_only_the_changed_range_is_replaced(old: str, new: str) -> None:
    start, old_end, new_end = changed_range(old, new)
    assert old[:start] + new[start:new_end] + old[old_end:] == new
