"""What the main screen shows, and what each key does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import ContentSwitcher, DataTable, Static, TabbedContent, TextArea

from b4r_tui.app.app import B4RApp, farewell
from b4r_tui.app.screens.dialogs.confirm import Confirm
from b4r_tui.app.screens.dialogs.error import ErrorDialog
from b4r_tui.app.screens.help import Help
from b4r_tui.app.screens.main.screen import MainScreen
from b4r_tui.app.widgets.experiment_list import ExperimentList
from b4r_tui.app.widgets.log.log_tab import LogTab
from b4r_tui.app.widgets.palette import LIGHT
from b4r_tui.app.widgets.problem_list import ProblemList
from b4r_tui.app.widgets.run.detail import RunDetail
from b4r_tui.app.widgets.runs.rows import RunRows
from b4r_tui.app.widgets.runs.table import RunTable
from b4r_tui.runs.store import Run
from engine.contract.errors import B4RError
from tests.b4r_tui.app.conftest import MEMORY, Place, until
from tests.b4r_tui.app.keyboard import choose_in_palette, spy_on, typed_in_palette
from tests.b4r_tui.app.sample_runs import RunFolder

SIZE = (120, 36)


def cells(app: B4RApp) -> list[list[str]]:
    table = app.screen_stack[0].query_one(RunRows)
    return [[str(cell).strip() for cell in table.cells(key)] for key in table.keys]


def ids(app: B4RApp) -> list[str]:
    return [next(cell for cell in row if cell.startswith("2025")) for row in cells(app)]


def experiments(app: B4RApp) -> list[str | None]:
    return [option.id for option in app.screen_stack[0].query_one(ExperimentList).options]


def log_rows(app: B4RApp) -> list[str]:
    pages = [view.lines.page for view in app.screen.query(LogTab)]
    return [page.document.text(row) for page in pages if page for row in range(page.count)]


async def opened(pilot: Pilot[None]) -> B4RApp:
    app = pilot.app
    assert isinstance(app, B4RApp)
    screen = app.screen_stack[0]
    assert isinstance(screen, MainScreen)
    await until(pilot, lambda: screen._snapshot is not None)
    return app


async def test_experiments_and_their_runs_are_shown(place: Place) -> None:
    place.finished()
    place.running()
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        await until(pilot, lambda: len(cells(app)) == 2)
        assert experiments(app) == ["ml-1m-base", "ml-1m-dmp", "synthetic-small"]
        running, finished = cells(app)
        assert running[:3] == ["● running", "20251009-110030-a01f", "13/20"]
        assert finished[0] == "✓ finished" and "100%" in finished[3]


async def test_another_experiment_shows_its_own_runs(place: Place) -> None:
    place.finished()
    place.finished("ml-1m-dmp", "20251009-101502-77de")
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        await until(pilot, lambda: ids(app) == ["20251009-081005-3f2a"])
        await pilot.press("down")
        await until(pilot, lambda: ids(app) == ["20251009-101502-77de"])
        await pilot.press("down")
        await until(pilot, lambda: not app.screen.query_one(RunRows).display)
        assert "Press l to launch synthetic-small" in str(app.screen.query_one("#no-runs", Static).render())


async def test_a_shows_the_runs_of_all_experiments_and_back(place: Place) -> None:
    place.finished()
    place.finished("ml-1m-dmp", "20251009-101502-77de")
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        await pilot.press("a")
        await until(pilot, lambda: ids(app) == ["20251009-101502-77de", "20251009-081005-3f2a"])
        assert "ml-1m-dmp" in cells(app)[0]
        await pilot.press("a")
        await until(pilot, lambda: ids(app) == ["20251009-081005-3f2a"])


async def test_a_running_run_grows_on_screen_and_only_its_cells_change(place: Place) -> None:
    place.finished()
    run = place.running()
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        await until(pilot, lambda: len(cells(app)) == 2)
        changed = spy_on(app.screen.query_one(RunRows))
        run.training(13, 120, loss=5.1)
        await until(pilot, lambda: "5.100" in cells(app)[0])
        assert {row for row, _ in changed} == {run.run.run_id[-4:]}
        assert not {"run", "all"} & {column for _, column in changed}


async def test_the_cursor_stays_on_its_run_when_a_newer_one_appears(place: Place) -> None:
    place.finished()
    place.failed()
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        await until(pilot, lambda: len(cells(app)) == 2)
        await pilot.press("tab", "down")
        place.running()
        await until(pilot, lambda: len(cells(app)) == 3)
        selected = app.screen.query_one(RunTable).selected
        assert selected is not None and selected.run.run_id == "20251009-081005-3f2a"


async def test_a_run_that_is_deleted_goes_from_the_table(place: Place) -> None:
    place.finished()
    gone = place.failed()
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        await until(pilot, lambda: len(cells(app)) == 2)
        shutil.rmtree(gone.run.dir)
        await until(pilot, lambda: ids(app) == ["20251009-081005-3f2a"])


async def test_number_keys_open_the_tabs(place: Place) -> None:
    place.finished().log("rank_0", "a [bold]name[/bold] and 評価 🎬")
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        await until(pilot, lambda: len(cells(app)) == 1)
        epochs = app.screen.query_one("EpochsTab DataTable", DataTable)
        assert epochs.row_count == 20
        assert sum(str(epochs.get_row_at(row)[0]).strip() == "★" for row in range(20)) == 1
        await pilot.press("2")
        await until(
            pilot, lambda: sum(bool(plot.parent.display) for plot in app.screen.query("PlotWidget")) == 2
        )
        await pilot.press("3")
        await until(pilot, lambda: any("a [bold]name[/bold] and 評価 🎬" in line for line in log_rows(app)))
        await pilot.press("4")
        await until(pilot, lambda: app.screen.query(TextArea))
        await until(pilot, lambda: 'name = "ml-1m-base"' in app.screen.query_one(TextArea).text)
        await pilot.press("5")
        await until(pilot, lambda: app.screen.query_one(TabbedContent).active == "results")
        await pilot.press("1")
        assert app.screen.query_one(TabbedContent).active == "epochs"


async def test_a_log_is_followed_and_left_alone_when_another_tab_is_open(place: Place) -> None:
    run = place.running()
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        await until(pilot, lambda: len(cells(app)) == 1)
        await pilot.press("3")
        await until(pilot, lambda: log_rows(app))
        run.log("rank_1", "one more line")
        await until(pilot, lambda: log_rows(app)[-1] == "one more line")
        log = app.screen.query_one(LogTab)
        await pilot.press("1")
        await until(pilot, lambda: not [each for each in app.workers if each.node is log and each.is_running])


async def test_l_launches_and_the_cursor_goes_to_the_new_run(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def launch(app: B4RApp, name: str) -> list[Run]:
        return [place.run(name, "20251009-120000-0001").held().run]

    monkeypatch.setattr(B4RApp, "launch", launch)
    place.finished()
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        await until(pilot, lambda: len(cells(app)) == 1)
        await pilot.press("l")
        await until(pilot, lambda: ids(app) == ["20251009-120000-0001", "20251009-081005-3f2a"])
        table = app.screen.query_one(RunTable)
        await until(pilot, lambda: table.selected and table.selected.run.run_id == "20251009-120000-0001")
        assert cells(app)[0][0].startswith("○")
        assert any(cell.startswith(("waiting", "starting")) for cell in cells(app)[0])


async def test_l_asks_before_it_launches_what_is_already_running(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched: list[str] = []

    def launch(app: B4RApp, name: str) -> list[Run]:
        launched.append(name)
        return [place.made[0].run]

    monkeypatch.setattr(B4RApp, "launch", launch)
    place.running()
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        await until(pilot, lambda: len(cells(app)) == 1)
        await pilot.press("l")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        assert launched == []
        await pilot.press("l")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: launched == ["ml-1m-base"])


async def test_a_launch_that_is_refused_is_told_in_a_sentence(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def launch(app: B4RApp, name: str) -> list[Run]:
        raise B4RError("no run can be written there; choose another folder with --runs")

    monkeypatch.setattr(B4RApp, "launch", launch)
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        await pilot.press("l")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        assert "choose another folder with --runs" in str(app.screen.query_one(Static).render())
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))


@pytest.mark.parametrize(("made", "resumes"), [(Place.failed, True), (Place.running, False)])
async def test_shift_r_resumes_the_selected_run_if_it_ended_too_early(
    place: Place, monkeypatch: pytest.MonkeyPatch, made: Callable[[Place], RunFolder], resumes: bool
) -> None:
    resumed: list[str] = []
    monkeypatch.setattr(B4RApp, "resume", lambda app, run: resumed.append(run.run_id))
    run_id = made(place).run.run_id
    async with place.app().run_test(size=(120, 36)) as pilot:
        app = await opened(pilot)
        await until(pilot, lambda: len(cells(app)) == 1)
        await pilot.press("R")
        await pilot.pause(0.3)
        assert resumed == [run_id] * resumes


@pytest.mark.parametrize(("answer", "stops"), [("y", True), ("n", False), ("enter", False)])
async def test_s_stops_the_selected_run_once_confirmed(
    place: Place, monkeypatch: pytest.MonkeyPatch, answer: str, stops: bool
) -> None:
    stopped: list[str] = []
    monkeypatch.setattr(B4RApp, "stop", lambda app, run: stopped.append(run.run_id))
    place.running()
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        await until(pilot, lambda: len(cells(app)) == 1)
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press(answer)
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        if stops:
            await until(pilot, lambda: stopped == ["20251009-110030-a01f"])
        assert bool(stopped) is stops


async def test_s_does_nothing_for_a_run_that_has_ended(place: Place) -> None:
    place.finished()
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        await until(pilot, lambda: len(cells(app)) == 1)
        await pilot.press("s")
        await pilot.pause(0.1)
        assert isinstance(app.screen, MainScreen)


async def test_shift_e_opens_the_editor_and_reads_the_file_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = place.folder / "editor.sh"
    editor.write_text('#!/bin/sh\nsed -i s/synthetic-small/edited/ "$2"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", f"{editor} --wait")
    monkeypatch.setattr(B4RApp, "suspend", lambda app: nullcontext())
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        await pilot.press("E")
        await until(pilot, lambda: "edited" in experiments(app))


async def test_shift_e_without_an_editor_says_which_variable_to_set(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        await pilot.press("E")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        assert "set $VISUAL or $EDITOR" in str(app.screen.query_one(Static).render())


async def test_a_file_changed_on_disk_is_read_again(place: Place) -> None:
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        await pilot.press("down")
        place.file.write_text(place.file.read_text().replace("synthetic-small", "toy"))
        await until(pilot, lambda: experiments(app) == ["ml-1m-base", "ml-1m-dmp", "toy"])
        assert app.screen.query_one(ExperimentList).selected == "ml-1m-dmp"


async def test_r_reads_the_file_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Path] = []

    def read(file: Path) -> tuple[tuple[()], tuple[()]]:
        reads.append(file)
        return (), ()

    monkeypatch.setattr("b4r_tui.app.poller.read_experiments", read)
    async with place.app().run_test(size=SIZE) as pilot:
        await opened(pilot)
        assert len(reads) == 1
        await pilot.press("r")
        await until(pilot, lambda: len(reads) == 2)


async def test_problems_of_the_file_stand_in_place_of_the_experiments(place: Place) -> None:
    place.finished()
    text = place.file.read_text()
    place.file.write_text(text.replace("emb_dim = 64", "emb_dm = 64").replace('"1x2"', '"2x"'))
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        assert app.screen.query_one(ContentSwitcher).current == "problems"
        said = str(app.screen.query_one("#problem-text", Static).render())
        assert "model.emb_dm" in said and "emb_dim" in said and "experiments.toml:9" in said
        assert "launch.j" in said
        assert len(cells(app)) == 1  # runs are still there
        place.file.write_text(text)
        await until(pilot, lambda: app.screen.query_one(ContentSwitcher).current == "experiments")


async def test_a_missing_file_opens_the_app_with_the_mend(place: Place) -> None:
    place.file.unlink()
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        assert app.screen.query_one(ProblemList).display
        assert "experiments.toml" in str(app.screen.query_one("#problem-text", Static).render())
        await pilot.press("l", "s")
        assert isinstance(app.screen, MainScreen)


async def test_a_failed_run_shows_its_error_and_traceback_as_they_are(place: Place) -> None:
    place.failed()
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        await until(pilot, lambda: len(cells(app)) == 1)
        assert MEMORY[:40] in str(app.screen.query_one("#headline", Static).render())
        await pilot.press("5")
        await until(pilot, lambda: app.screen.query("ResultsTab .card"))
        card = app.screen.query_one("ResultsTab .card", Static)
        await until(pilot, lambda: card.has_class("failed"))
        screen = app.export_screenshot(simplify=True).replace("&#160;", " ")
        assert "RuntimeError: [b]out[/b]" in screen


async def test_question_mark_shows_every_key(place: Place) -> None:
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, Help))
        assert isinstance(app.screen, Help)
        keys = {key.keys: key.does for key in app.screen._keys}
        assert {"l", "s", "e", "r", "a", "?", "1 2 3 4 5 6 7 8", "tab"} <= keys.keys()
        assert any(each.startswith("q") for each in keys)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))


async def test_the_palette_offers_what_the_keys_do(place: Place) -> None:
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        names = await typed_in_palette(pilot, "")
        assert {"Launch", "Edit", "Reload", "All runs", "Help", "Theme: b4r-light"} <= set(names)
        assert "Stop" not in names  # nothing runs
        await choose_in_palette(pilot, "All runs")
        await until(pilot, lambda: app.screen.query_one(RunTable).border_title == "Runs of all experiments")


async def test_q_leaves_and_says_that_runs_go_on(place: Place) -> None:
    place.running()
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        await until(pilot, lambda: len(cells(app)) == 1)
        await pilot.press("q")
    assert app.return_code == 0
    said = farewell(1, place.runs)
    assert said is not None and said.startswith("1 run still active in")
    assert farewell(0, place.runs) is None


async def test_tab_goes_on_to_the_runs_and_further(place: Place) -> None:
    place.finished()
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        await until(pilot, lambda: len(cells(app)) == 1)
        await pilot.press("tab")
        assert app.focused is app.screen.query_one(RunRows)
        await pilot.press("tab")
        assert app.focused is not None and app.screen.query_one(RunDetail) in app.focused.ancestors


async def test_a_description_with_markup_cjk_and_emoji_is_shown_as_it_is(place: Place) -> None:
    place.file.write_text(place.file.read_text().replace("BERT4Rec as in the paper", "[red]評価[/red] 🎬 [/"))
    async with place.app().run_test(size=(200, 60)) as pilot:
        app = await opened(pilot)
        await pilot.pause()
        assert "[red]評価[/red]" in app.export_screenshot(simplify=True)


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_the_table_fits_every_width_without_scrolling(place: Place, size: tuple[int, int]) -> None:
    place.finished()
    place.running()
    async with place.app().run_test(size=size) as pilot:
        app = await opened(pilot)
        for _ in range(2):
            await until(pilot, lambda: len(cells(app)) == 2)
            table = app.screen.query_one(RunRows)
            assert table.virtual_size.width <= table.size.width
            assert not app.screen.query_one("EpochsTab DataTable", DataTable).show_horizontal_scrollbar
            await pilot.press("a")


async def test_a_new_theme_redraws_everything(place: Place) -> None:
    place.finished()
    async with place.app().run_test(size=SIZE) as pilot:
        app = await opened(pilot)
        await until(pilot, lambda: len(cells(app)) == 1)
        app.theme = "b4r-light"
        await pilot.pause()
        table = app.screen.query_one(RunRows)
        await until(pilot, lambda: LIGHT.finished in str(table.cells(table.keys[0])[0].style))
