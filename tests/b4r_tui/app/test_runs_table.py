"""What each key of the table of runs does, and what stays as it was: filter, order, groups, marks, cursor, cells."""

from __future__ import annotations

import shutil

import pytest
from rich.cells import cell_len
from rich.text import Text
from textual.widget import Widget
from textual.widgets import Input

from b4r_tui.app.snapshot import RunView
from b4r_tui.app.widgets.run.detail import RunDetail
from b4r_tui.app.widgets.runs.cells import number
from b4r_tui.app.widgets.runs.columns import COLUMNS, Column
from b4r_tui.app.widgets.runs.look import Look
from b4r_tui.app.widgets.runs.table import RunTable
from b4r_tui.common.format import whole
from tests.b4r_tui.app.conftest import Place, until
from tests.b4r_tui.app.crowd import (
    FAILED,
    FINISHED,
    LOST,
    NEWEST,
    QUEUED,
    RUNNING,
    STOPPED,
    all_runs,
    another_epoch,
    crowd,
    many,
    on_gpus,
)
from tests.b4r_tui.app.keyboard import spy_on

SIZE = (130, 28)


# filter ----------------------------------------------------------------------------------------


async def test_the_filter_narrows_while_one_types_and_escape_shows_all(place: Place) -> None:
    crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        await seen.press("slash", *"xgoDq")  # typed: keys of the table and the app are not meant
        assert isinstance(pilot.app.focused, Input)
        assert seen.names == [] and "No run matches “xgoDq”" in seen.instead
        assert not seen.table._marks and not seen.table.arrangement.grouped and not seen.sorted_by
        await seen.press("ctrl+u")
        assert seen.names == list(NEWEST)
        await seen.type("ml-1m")
        assert seen.names == [QUEUED, RUNNING, FAILED, FINISHED]
        await seen.type("-base")
        assert seen.names == [RUNNING, FAILED, FINISHED]
        assert seen.said.startswith("3 of 6 runs")
        await seen.press("enter")
        assert pilot.app.focused is seen.rows and seen.filters  # the line says why runs are missing
        await seen.press("escape")
        assert seen.names == list(NEWEST) and not seen.filters and "of 6" not in seen.said


FOUND_BY = {
    "RUNNING": [RUNNING],
    "dmp queued": [QUEUED],
    "synthetic": [LOST, STOPPED],
    "91bc": [FAILED],
    "supervisor lost": [LOST],
    "[bold]": [],
}


async def test_every_word_is_sought_in_name_state_data_and_cause(place: Place) -> None:
    crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        await seen.press("slash")
        for words, found in FOUND_BY.items():
            seen.table.query_one(Input).value = words
            await until(pilot, lambda found=found: seen.names == found)  # type: ignore[misc]
            assert found or f"“{words}”" in seen.instead


async def test_the_filter_is_left_by_arrow_or_escape_and_hides_when_nothing_is_typed(place: Place) -> None:
    crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        await seen.press("slash", "enter")
        assert not seen.filters and pilot.app.focused is seen.rows
        await seen.press("slash", *"dmp", "down")
        assert seen.filters and seen.names == [QUEUED] and pilot.app.focused is seen.rows
        await seen.press("slash", "escape")
        assert not seen.filters and seen.names == list(NEWEST) and pilot.app.focused is seen.rows


# order -----------------------------------------------------------------------------------------


async def test_o_sorts_by_each_column_in_turn_and_shift_o_reverses(place: Place) -> None:
    crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        await seen.press("o")
        assert seen.names == [RUNNING, QUEUED, FAILED, LOST, STOPPED, FINISHED]  # what needs an eye first
        assert seen.sorted_by == ("state", "▲")
        await seen.press("O")
        assert seen.names[0] == FINISHED and seen.sorted_by == ("state", "▼")
        await seen.press("o")
        assert seen.names == list(NEWEST) and seen.sorted_by == ("run", "▼")
        await seen.press("O")
        assert seen.names == list(reversed(NEWEST)) and seen.sorted_by == ("run", "▲")
        for _ in range(len(seen.columns) - 1):
            assert seen.table.arrangement.by
            await seen.press("o")
        assert seen.table.arrangement.by == "" and seen.names == list(NEWEST)
        assert seen.sorted_by is None
        await seen.press("O")  # nothing to turn
        assert seen.names == list(NEWEST)
        while seen.table.arrangement.by != "metric":
            await seen.press("o")
        falling = seen.names
        values = [float(seen.cell(name, "metric")) for name in falling[:-1]]
        assert values == sorted(values, reverse=True) and falling[-1] == QUEUED
        await seen.press("O")
        assert seen.names == [*reversed(falling[:-1]), QUEUED]  # without a value last either way


async def test_a_click_on_a_heading_sorts_turns_and_ends_it(place: Place) -> None:
    crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        x = sum(column.width + 1 for column in seen.table._columns[: seen.columns.index("epoch")]) + 2
        await pilot.click(seen.rows, offset=(x, 0))
        await until(pilot, lambda: seen.names[:2] == [FINISHED, RUNNING])
        await pilot.click(seen.rows, offset=(x, 0))
        await until(pilot, lambda: seen.names == [QUEUED, LOST, STOPPED, FAILED, RUNNING, FINISHED])
        await pilot.click(seen.rows, offset=(x, 0))
        await until(pilot, lambda: seen.names == list(NEWEST))


# groups ----------------------------------------------------------------------------------------


async def test_g_puts_runs_below_headings_that_enter_folds_and_x_marks(place: Place) -> None:
    crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        await seen.go_to(FAILED)
        await seen.press("g")
        dmp, base, synthetic = "▾ ml-1m-dmp", "▾ ml-1m-base", "▾ synthetic-small"
        assert seen.names == [dmp, QUEUED, base, RUNNING, FAILED, FINISHED, synthetic, LOST, STOPPED]
        assert seen.at == FAILED
        await seen.go_to(base)
        assert "experiment" not in seen.columns and seen.cell(base, "progress") == "●1 ✓1 ✗1"
        assert "Group of 3 runs" in str(pilot.app.screen.query_one("#headline").render())
        await seen.press("enter")
        assert seen.names == [dmp, QUEUED, base, synthetic, LOST, STOPPED]
        assert seen.cell(base, "run") == "▸ ml-1m-base" and seen.at == base
        await seen.press("x")
        assert seen.marked == [RUNNING, FAILED, FINISHED] and seen.at == synthetic
        await seen.go_to(base)
        await seen.press("x")
        assert seen.marked == []
        await seen.go_to(base)
        await seen.press("enter", "o", "o", "O", "slash", *"ml-1m", "enter")  # oldest first
        assert seen.names == [base, FINISHED, FAILED, RUNNING, dmp, QUEUED]
        await seen.press("g", "escape")
        assert seen.names == list(reversed(NEWEST))


# marks -----------------------------------------------------------------------------------------


async def test_marks_of_one_of_several_of_all_and_none(place: Place) -> None:
    crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        assert "mark" not in seen.columns
        await seen.press("x")
        assert seen.marked == [QUEUED] and seen.at == RUNNING  # on to the next
        assert seen.said.startswith("1 marked") and seen.cell(QUEUED, "mark") == "┃"
        await seen.press("up", "space")
        assert seen.marked == [] and "mark" not in seen.columns
        await seen.press("shift+down", "shift+down")
        assert seen.marked == [RUNNING, LOST, STOPPED] and seen.at == STOPPED
        await seen.press("escape")
        assert seen.marked == []
        await seen.press("end", "shift+up")
        assert seen.marked == [FAILED, FINISHED]
        await seen.press("X")
        assert seen.marked == list(NEWEST)
        await seen.press("ctrl+a")
        assert seen.marked == []


async def test_marks_are_those_the_filter_shows_and_escape_takes_them_before_the_filter(
    place: Place,
) -> None:
    crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        await seen.press("x", "slash", *"ml-1m-base", "enter", "X")
        assert seen.marked == [RUNNING, FAILED, FINISHED]  # the one marked before is hidden, and not meant
        assert seen.said.startswith("3 marked · 3 of 6 runs")
        await seen.press("X")
        assert seen.marked == []
        await seen.press("x", "escape")
        assert seen.marked == [] and seen.filters
        await seen.press("escape")
        assert seen.names == list(NEWEST) and seen.marked == []


async def test_marks_stay_on_their_runs_when_rows_come_and_go(place: Place) -> None:
    made = crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        await seen.go_to(LOST)
        await seen.press("x", "x")
        assert seen.marked == [LOST, STOPPED]
        shutil.rmtree(made[LOST].run.dir)
        place.run("ml-1m-dmp", "20251009-120000-9999").started().epochs(1).stopped()
        await until(pilot, lambda: seen.names == ["9999", QUEUED, RUNNING, STOPPED, FAILED, FINISHED])
        assert seen.marked == [STOPPED] and seen.cell(STOPPED, "mark") == "┃"
        assert seen.said.startswith("1 marked")


# cursor and cells ------------------------------------------------------------------------------


async def test_the_cursor_stays_on_its_run_while_rows_come_go_and_change_places(place: Place) -> None:
    made = crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        while seen.table.arrangement.by != "metric":
            await seen.press("o")
        await seen.go_to(RUNNING)
        before = seen.names.index(RUNNING)
        another_epoch(made[RUNNING], 13, ndcg=0.9)
        await until(pilot, lambda: seen.names[0] == RUNNING)
        assert before > 0 and seen.at == RUNNING
        another_epoch(made[RUNNING], 14, ndcg=0.001)
        await until(pilot, lambda: seen.names[-2] == RUNNING)
        assert seen.at == RUNNING
        place.run("ml-1m-dmp", "20251009-120000-9999").started().epochs(20).finished()
        await until(pilot, lambda: "9999" in seen.names)
        assert seen.at == RUNNING
        shutil.rmtree(made[FINISHED].run.dir)
        await until(pilot, lambda: FINISHED not in seen.names)
        assert seen.at == RUNNING
        selected = seen.table.selected
        assert selected is not None and selected.run.run_id in str(
            pilot.app.screen.query_one(RunDetail).border_title
        )


async def test_where_the_run_under_the_cursor_goes_the_cursor_is_on_the_next(place: Place) -> None:
    made = crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        await seen.go_to(STOPPED)
        shutil.rmtree(made[STOPPED].run.dir)
        await until(pilot, lambda: seen.at == FAILED)
        await seen.go_to(FINISHED)
        shutil.rmtree(made[FINISHED].run.dir)
        await until(pilot, lambda: seen.at == FAILED)
        for name in (QUEUED, RUNNING, LOST, FAILED):
            shutil.rmtree(made[name].run.dir)
        await until(pilot, lambda: seen.names == [])
        assert seen.table.selected is None and "No runs yet" in seen.instead


async def test_only_rows_in_sight_are_made(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    many(place, 60)
    made: set[str] = set()
    cells = RunTable._cells

    def spy(table: RunTable, row: RunView, look: Look) -> list[Text]:
        made.add(row.key[-4:])
        return cells(table, row, look)

    monkeypatch.setattr(RunTable, "_cells", spy)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot, 60)
        room = seen.rows.size.height - seen.rows.heading_height
        assert 5 < room < 20 and made == set(seen.names[:room])
        await seen.press("pagedown")
        assert seen.at == seen.names[room]
        await until(pilot, lambda: seen.names[room] in made)
        await seen.press("end")
        assert seen.at == seen.names[-1]
        await until(pilot, lambda: set(seen.names[-room:]) <= made)
        assert len(made) < 60
        await seen.press("pageup", "home")
        assert seen.at == seen.names[0] and seen.rows.scroll_offset.y == 0


async def test_the_row_below_the_mouse_stands_out(place: Place) -> None:
    crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        line = seen.rows.heading_height + 2
        before = seen.rows.render_line(line)
        await pilot.hover(seen.rows, offset=(20, line))
        await until(pilot, lambda: seen.rows.render_line(line) != before)
        assert seen.rows.render_line(line).text == before.text
        await pilot.hover(seen.rows, offset=(20, line + 20))
        await until(pilot, lambda: seen.rows.render_line(line) == before)


async def test_a_long_table_keeps_its_scroll_when_a_run_appears_above(place: Place) -> None:
    many(place, 40)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot, 40)
        await seen.press("end", "up", "up")
        top, at = seen.rows.scroll_offset.y, seen.at
        height = seen.names.index(str(at)) - top
        place.running()
        await until(pilot, lambda: RUNNING in seen.names)
        assert seen.at == at
        await until(pilot, lambda: seen.names.index(str(at)) - seen.rows.scroll_offset.y == height)


@pytest.mark.parametrize("grouped", [False, True], ids=["flat", "groups"])
async def test_only_cells_that_differ_are_touched(
    place: Place, monkeypatch: pytest.MonkeyPatch, grouped: bool
) -> None:
    made = crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        await seen.press(*(["g"] if grouped else []))
        await until(pilot, lambda: "waiting" in seen.cell(QUEUED, "progress") or seen.cell(QUEUED, "note"))
        touched = spy_on(seen.rows)
        made[RUNNING].training(13, 120, loss=5.1)
        await until(pilot, lambda: seen.cell(RUNNING, "loss") == "5.100")
        assert {name for name, _ in touched} == {RUNNING}
        columns = {column for _, column in touched}
        assert {"loss", "eta"} <= columns and not {"run", "all"} & columns
        assert {column for _, column in touched} <= {"loss", "progress", "eta", "rate"}
        assert len(touched) == len(set(touched))
        touched.clear()
        drawn: list[Widget] = []
        refresh = Widget.refresh
        monkeypatch.setattr(
            Widget, "refresh", lambda self, *a, **k: drawn.append(self) or refresh(self, *a, **k)
        )
        shown = seen.app.main._snapshot
        await until(pilot, lambda: seen.app.main._snapshot is not shown)
        assert touched == [] and drawn == []  # a look without news


# mouse, width, colours -------------------------------------------------------------------------


async def test_a_click_selects_a_run_and_shows_it_closer(place: Place) -> None:
    crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        top = seen.rows.heading_height
        await pilot.click(seen.rows, offset=(20, top + NEWEST.index(STOPPED)))
        await until(pilot, lambda: seen.at == STOPPED)
        detail = pilot.app.screen.query_one(RunDetail)
        await until(pilot, lambda: "d1e2" in str(detail.border_title))
        await seen.press("g")
        await seen.press("home")
        heading = (20, top + seen.names.index("▾ ml-1m-base"))
        await pilot.click(seen.rows, offset=heading)
        await until(pilot, lambda: seen.at == "▾ ml-1m-base")
        assert FAILED in seen.names
        await pilot.click(seen.rows, offset=heading)
        await until(pilot, lambda: FAILED not in seen.names)  # folded


WIDE = "評価が失敗しました 🎬 データが壊れている 🎬🎬 [bold]"


@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=str)
async def test_wide_characters_stay_in_their_columns(place: Place, size: tuple[int, int]) -> None:
    crowd(place)
    folder = place.run("ml-1m-base", "20251009-093013-0c0c").started().epochs(2).failed(WIDE).run.dir
    (place.runs / "評価-🎬").mkdir()
    folder.rename(place.runs / "評価-🎬" / folder.name)
    async with place.app().run_test(size=size) as pilot:
        seen = await all_runs(pilot, 7)
        assert "0c0c" in seen.names
        for key in seen.rows.keys:
            widths = [cell_len(cell.plain) for cell in seen.rows.cells(key)]
            assert widths == [column.width for column in seen.table._columns], key
        assert seen.rows.virtual_size.width <= seen.rows.size.width
        if size[0] == 200:
            assert "失敗しました 🎬" in seen.cell("0c0c", "note")


async def test_a_small_terminal_shows_what_counts(place: Place) -> None:
    crowd(place)
    async with place.app().run_test(size=(80, 24)) as pilot:
        seen = await all_runs(pilot)
        assert {"state", "run", "experiment", "epoch", "progress", "metric"} <= set(seen.columns)
        assert seen.cell(RUNNING, "epoch") == "13/20" and seen.cell(RUNNING, "state") == "●"
        await seen.press("a")
        await until(pilot, lambda: seen.names == [RUNNING, FAILED, FINISHED])
        assert {"loss", "eta", "metric", "epoch"} <= set(seen.columns)
        assert seen.rows.virtual_size.width <= seen.rows.size.width


async def test_a_large_terminal_shows_every_number(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    made = crowd(place)
    on_gpus(made[RUNNING], "0", "1")
    monkeypatch.setattr("b4r_tui.runs.queue.gpus.loads", lambda: {"0": 0.9, "1": 0.7})
    async with place.app().run_test(size=(200, 60)) as pilot:
        seen = await all_runs(pilot)
        await until(pilot, lambda: seen.cell(RUNNING, "gpu") == "80%")
        assert seen.cell(RUNNING, "memory") == "812 MB" and seen.cell(RUNNING, "rate") == "446"
        assert seen.cell(RUNNING, "eta").endswith("s") and seen.cell(RUNNING, "second") != "–"
        assert seen.cell(FINISHED, "gpu") == "–" and seen.cell(FINISHED, "eta") == "–"
        assert seen.cell(FAILED, "note")


def letters(view: RunView, look: Look) -> float:
    return len(view.run.experiment)


async def test_one_entry_adds_a_column_that_is_drawn_sorted_and_dropped_first(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = Column("letters", "Letters", 7, number(letters, whole), letters, descending=True, priority=1)
    monkeypatch.setattr(RunTable, "COLUMNS", (*COLUMNS, added))
    crowd(place)
    async with place.app().run_test(size=(200, 60)) as pilot:
        seen = await all_runs(pilot)
        assert "Letters" in seen.headings and seen.cell(RUNNING, "letters") == str(len("ml-1m-base"))
        while seen.sorted_by != ("letters", "▼"):
            await seen.press("o")
        assert seen.names == [LOST, STOPPED, RUNNING, FAILED, FINISHED, QUEUED]
        await seen.press("O")
        assert seen.names == [QUEUED, RUNNING, FAILED, FINISHED, LOST, STOPPED]
        await pilot.resize_terminal(130, 28)
        await until(pilot, lambda: "letters" not in seen.columns)
        assert seen.names[0] == QUEUED, "it still sorts"


async def test_m_asks_for_the_metric_of_the_table(place: Place) -> None:
    crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        assert "NDCG@10" in seen.headings
        before = seen.cell(FINISHED, "metric")
        await seen.press("M")
        await until(pilot, lambda: pilot.app.screen.query("Choose OptionList"))
        options = pilot.app.screen.query_one("Choose OptionList")
        wanted = [str(each.prompt) for each in options.options].index("MRR  popular-100")  # type: ignore[attr-defined]
        options.highlighted = wanted  # type: ignore[attr-defined]
        await seen.press("enter")
        await until(pilot, lambda: "MRR" in seen.headings and "NDCG@10" not in seen.headings)
        assert seen.cell(FINISHED, "metric") != before and "popular-100" in seen.said
        assert "second" not in seen.columns
        await seen.press("M")
        await until(pilot, lambda: pilot.app.screen.query("Choose OptionList"))
        await seen.press("home", "enter")
        await until(pilot, lambda: "NDCG@10" in seen.headings)
        assert seen.cell(FINISHED, "metric") == before


async def test_without_colours_state_mark_and_cursor_are_still_seen(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    crowd(place)
    async with place.app().run_test(size=(200, 60)) as pilot:
        seen = await all_runs(pilot)
        await seen.press("x")
        strips = seen.app.main._compositor.render_strips()
        area = seen.rows.region
        rows = [strip.crop(area.x, area.right) for strip in strips[area.y : area.bottom]]
        text = [row.text for row in rows]
        assert any("┃" in line and "○ queued" in line for line in text)
        assert all(any(word in line for line in text) for word in ("● running", "✗ failed", "? lost"))
        cursor = next(row for row in rows if "a01f" in row.text)
        other = next(row for row in rows if "91bc" in row.text)
        grounds = [{seg.style.bgcolor for seg in row if seg.style} for row in (cursor, other)]
        assert grounds[0] != grounds[1]
