"""Compare: choosing runs, the content of each tab, the effect of each key, and the errors."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, SelectionList, TabbedContent

from b4r_tui.app.screens.compare.picker import ComparePicker
from b4r_tui.app.screens.compare.screen import CompareScreen
from b4r_tui.app.screens.dialogs.ask_name import AskName
from b4r_tui.app.screens.dialogs.choose import Choose
from b4r_tui.app.screens.dialogs.confirm import Confirm
from b4r_tui.app.screens.dialogs.error import ErrorDialog
from b4r_tui.app.screens.export_mixin import EXTENSIONS
from b4r_tui.app.screens.main.screen import MainScreen
from b4r_tui.app.widgets.run.overlay import Overlay
from b4r_tui.results.compare import compare
from b4r_tui.results.sides import sides_of
from b4r_tui.runs.store import Run
from tests.b4r_tui.app.conftest import Place, until
from tests.b4r_tui.app.keyboard import all_runs_shown, app_of, mark, rows, said, toasts
from tests.b4r_tui.app.sample_runs import write_experiments
from tests.b4r_tui.app.tested_runs import make_tested_runs

SIZE = (160, 40)
Made = tuple[Place, dict[str, Run]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """Runs that no test here changes."""
    folder = tmp_path_factory.mktemp("compared")
    write_experiments(folder)
    place = Place(folder)
    yield place, make_tested_runs(place)


@asynccontextmanager
async def opened(made: Made, size: tuple[int, int] = SIZE) -> AsyncIterator[Pilot[None]]:
    """The app on all runs, the cursor in their table."""
    place, runs = made
    async with place.app().run_test(size=size, notifications=True) as pilot:
        await all_runs_shown(pilot, len(runs))
        yield pilot


@asynccontextmanager
async def comparing(made: Made, *names: str, size: tuple[int, int] = SIZE) -> AsyncIterator[Pilot[None]]:
    """The comparison of runs, named as in `make_tested_runs`."""
    async with made[0].app().run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app_of(pilot).main._snapshot is not None)
        app_of(pilot).open_comparison([made[1][name] for name in names])
        await settled(pilot)
        yield pilot


async def settled(pilot: Pilot[None]) -> None:
    """Wait for the numbers."""
    await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
    screen = screen_of(pilot)
    await until(pilot, lambda: screen._loaded is not None and screen._loaded.options is screen._options)
    await until(pilot, lambda: "Comparing" not in said(pilot, "#compared"))


def screen_of(pilot: Pilot[None]) -> CompareScreen:
    screen = pilot.app.screen
    assert isinstance(screen, CompareScreen)
    return screen


def names_of(pilot: Pilot[None]) -> list[str]:
    return [row[1] for row in rows(pilot, "#groups-table")]


def title(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one("#groups").border_title)


async def answer(pilot: Pilot[None], choice: str) -> None:
    """Take one of the choices of a question."""
    await until(pilot, lambda: isinstance(pilot.app.screen, Choose))
    question = pilot.app.screen
    assert isinstance(question, Choose)
    await until(pilot, lambda: pilot.app.focused is not None)
    for _ in range(len(question._choices)):
        found = question.query_one("OptionList")
        if question._choices[found.highlighted or 0] == choice:  # type: ignore[attr-defined]
            break
        await pilot.press("down")
    await pilot.press("enter")
    await settled(pilot)


async def export_to(pilot: Pilot[None], path: str) -> None:
    """Press x, type where to, enter."""
    await pilot.press("x")
    await until(pilot, lambda: isinstance(pilot.app.screen, AskName) and pilot.app.focused is not None)
    pilot.app.screen.query_one(Input).value = path
    await pilot.press("enter")


# opening ---------------------------------------------------------------------------------------


async def test_c_compares_the_marked_runs_and_esc_goes_back(made: Made) -> None:
    runs = made[1]
    async with opened(made) as pilot:
        await mark(pilot, [runs["small 1"].run_id, runs["big 1"].run_id])
        await pilot.press("c")
        await settled(pilot)
        assert sorted(names_of(pilot)) == ["big", "small"]
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))


async def test_c_without_marks_lets_runs_be_chosen(made: Made) -> None:
    async with opened(made) as pilot:
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.screen, ComparePicker))
        await until(pilot, lambda: isinstance(pilot.app.focused, SelectionList))
        assert said(pilot, "#message") == "1 of 7 selected"  # the run under the cursor
        await pilot.press("space", "enter")
        assert said(pilot, "#message") == "Select at least two runs with Space."
        await pilot.press("slash", *"middle", "enter")
        found = pilot.app.screen.query_one(SelectionList)
        await until(pilot, lambda: found.option_count == 1 and found.has_focus)
        await pilot.press("space", "slash")
        pilot.app.screen.query_one(Input).value = "BIG"
        await until(pilot, lambda: found.option_count == 2)
        await pilot.press("enter", "a")
        await until(pilot, lambda: said(pilot, "#message") == "3 of 7 selected")
        await pilot.press("enter")
        await settled(pilot)
        assert sorted(names_of(pilot)) == ["big", "middle"]


async def test_a_in_the_picker_takes_away_only_what_is_shown_and_esc_compares_nothing(made: Made) -> None:
    async with opened(made) as pilot:
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.focused, SelectionList))
        await pilot.press("a")
        assert said(pilot, "#message") == "7 of 7 selected"
        await pilot.press("slash", *"big", "enter")
        found = pilot.app.screen.query_one(SelectionList)
        await until(pilot, lambda: found.option_count == 2 and found.has_focus)
        await pilot.press("a")
        assert said(pilot, "#message") == "5 of 7 selected"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))


async def test_where_fewer_than_two_runs_were_tested_c_says_so(place: Place) -> None:
    place.finished()
    place.running()
    async with place.app().run_test(size=SIZE) as pilot:
        await until(pilot, lambda: len(app_of(pilot).main.views()) == 2)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.screen, ErrorDialog))
        assert "two runs that have finished" in said(pilot, "Static")


async def test_other_runs_can_be_chosen_from_the_comparison(made: Made) -> None:
    async with comparing(made, "small 1", "big 1") as pilot:
        await until(pilot, lambda: len(app_of(pilot).main.views()) == len(made[1]))
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.focused, SelectionList))
        assert said(pilot, "#message") == "2 of 7 selected"
        await pilot.press("slash", *"middle", "enter")
        found = pilot.app.screen.query_one(SelectionList)
        await until(pilot, lambda: found.option_count == 1 and found.has_focus)
        await pilot.press("space", "enter")
        await settled(pilot)
        await until(pilot, lambda: sorted(names_of(pilot)) == ["big", "middle", "small"])


# content ---------------------------------------------------------------------------------------


async def test_groups_have_the_numbers_of_the_core_with_intervals_and_paired_tests(made: Made) -> None:
    chosen = [made[1][name] for name in ("small 1", "small 2", "big 1", "big 2", "middle")]
    core = compare(sides_of(chosen, True))
    async with comparing(made, "small 1", "small 2", "big 1", "big 2", "middle") as pilot:
        small, big, middle = rows(pilot, "#groups-table")
        versus = core.sides[1].versus
        assert versus is not None and versus.significant
        score = core.sides[1].scores["ndcg@10"]
        assert small[1:3] == ["small", "2"] and "baseline" in small
        assert f"{score.value:.4f} ± {score.sd:.4f}" in big
        assert f"{score.low:.4f} to {score.high:.4f}" in big
        assert f"{versus.difference:+.4f}" in big
        assert f"{versus.low:+.4f} to {versus.high:+.4f}" in big
        assert f"{versus.p_holm:.4f} *" in big
        assert f"{versus.wins}/{versus.ties}/{versus.losses}" in big
        assert not any(cell.endswith("*") for cell in middle)
        assert "Holm" in said(pilot, "#note")
        assert "3 groups of 5 runs by seed" in said(pilot, "#compared")
        assert "test split, full" in said(pilot, "#compared") and "80 users" in said(pilot, "#compared")


async def test_tabs_show_all_metrics_the_settings_that_differ_and_curves(made: Made) -> None:
    async with comparing(made, "small 1", "small 2", "big 1") as pilot:
        metrics = rows(pilot, "#metrics-table")
        assert metrics[0][:2] == ["▸", "NDCG@10"]  # the one that is tested
        assert {"NDCG@10", "Recall@10", "MRR"} <= {row[1] for row in metrics}
        table = pilot.app.screen.query_one("#metrics-table", DataTable)
        small, big = (table.get_row_at(0)[column] for column in (2, 4))
        assert "underline" in str(big.style) and "underline" not in str(small.style)

        await pilot.press("2")
        assert pilot.app.screen.query_one(TabbedContent).active == "settings"
        settings = {row[0]: row[1:] for row in rows(pilot, "#settings-table")}
        assert settings == {
            "model.emb_dim": ["256", "≠ 512"],
            "training.lr": ["0.001", "≠ 0.01"],
            "training.seed": ["1, 2", "≠ 1"],
        }

        await pilot.click("#--content-tab-curves")
        await until(pilot, lambda: pilot.app.screen.query_one(TabbedContent).active == "curves")
        loss, metric = pilot.app.screen.query_one(Overlay)._plots
        assert [line.group for line in loss.lines] == [0, 0, 1]
        assert loss.lines[0].points == ((1, 4.1), (2, 3.1), (3, 2.1))
        assert metric.title == "Validation NDCG@10 by epoch" and len(metric.lines) == 3
        assert "1 ━ small" in said(pilot, "#legend") and "2 ━ big" in said(pilot, "#legend")

        await pilot.press("1")
        assert pilot.app.screen.query_one(TabbedContent).active == "metrics"


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ("elsewhere", "split fingerprint (f1f1f1f1, e2e2e2e2)"),
        ("sampled", "protocol (full, uniform-20)"),
    ],
)
async def test_runs_measured_under_other_conditions_are_not_compared(
    made: Made, other: str, reason: str
) -> None:
    async with comparing(made, "small 1", other) as pilot:
        assert f"cannot compare small and {other}" in said(pilot, "#error")
        assert reason in said(pilot, "#error")
        assert not pilot.app.screen.query_one("#groups-table").display
        await pilot.press("2")
        assert pilot.app.screen.query_one("#no-settings").display == (other == "elsewhere")
        await pilot.press("x", "m", "b")  # nothing to act on
        assert isinstance(pilot.app.screen, CompareScreen)


async def test_a_protocol_that_both_were_tested_by_makes_them_comparable(made: Made) -> None:
    """Their first protocols differ; p offers those that all share."""
    async with comparing(made, "small 1", "sampled") as pilot:
        loaded = screen_of(pilot)._loaded
        assert loaded and loaded.protocols == ("full",)
        assert "Shared protocols: full. Press p to choose." in said(pilot, "#error")
        await pilot.press("p")
        await answer(pilot, "full")
        await until(pilot, lambda: pilot.app.screen.query_one("#groups-table").display)
        assert names_of(pilot) == ["small", "sampled"]


# keys ------------------------------------------------------------------------------------------


async def test_m_or_enter_tests_another_metric(made: Made) -> None:
    async with comparing(made, "small 1", "big 1") as pilot:
        await pilot.press("m")
        await answer(pilot, "recall@5")
        await until(pilot, lambda: title(pilot) == "Recall@5 vs. small")
        assert [row[1] for row in rows(pilot, "#metrics-table") if row[0] == "▸"] == ["Recall@5"]
        pilot.app.screen.query_one("#metrics-table", DataTable).move_cursor(row=0)
        pilot.app.screen.query_one("#metrics-table").focus()
        await pilot.press("enter")
        await until(pilot, lambda: title(pilot) == "NDCG@10 vs. small")


async def test_b_or_enter_makes_the_highlighted_group_the_baseline(made: Made) -> None:
    async with comparing(made, "small 1", "big 1") as pilot:
        gained = next(cell for cell in rows(pilot, "#groups-table")[1] if cell.startswith("+"))
        await pilot.press("down", "b")
        await until(pilot, lambda: title(pilot) == "NDCG@10 vs. big")
        small, big = rows(pilot, "#groups-table")
        assert "baseline" in big and gained.replace("+", "-") in small
        await pilot.press("up", "enter")
        await until(pilot, lambda: title(pilot) == "NDCG@10 vs. small")


async def test_g_ungroups_and_groups_seeds(made: Made) -> None:
    runs = made[1]
    async with comparing(made, "small 1", "small 2", "big 1") as pilot:
        assert names_of(pilot) == ["small", "big"]
        await pilot.press("g")
        apart = [f"small {runs['small 1'].run_id}", f"small {runs['small 2'].run_id}", "big"]
        await until(pilot, lambda: names_of(pilot) == apart)
        await pilot.press("g")
        await until(pilot, lambda: names_of(pilot) == ["small", "big"])


async def test_r_reads_the_runs_again(made: Made, tmp_path: Path) -> None:
    place = Place(tmp_path)
    write_experiments(tmp_path)
    runs = make_tested_runs(place)
    async with comparing((place, runs), "small 1", "big 1") as pilot:
        ranks = runs["big 1"].dir / "predictions" / "ranks_full.parquet"
        kept = ranks.read_bytes()
        ranks.unlink()
        await pilot.press("r")
        await until(pilot, lambda: "no such file" in said(pilot, "#error"))
        assert "b4r-tui evaluate" in said(pilot, "#error")
        ranks.write_bytes(kept)
        await pilot.press("r")
        await until(pilot, lambda: pilot.app.screen.query_one("#groups-table").display)


async def test_a_narrow_terminal_keeps_what_matters(made: Made) -> None:
    async with comparing(made, "small 1", "small 2", "big 1", size=(80, 24)) as pilot:
        titles = [str(column.label) for column in pilot.app.screen.query_one("#groups-table").ordered_columns]  # type: ignore[attr-defined]
        assert {"experiment", "difference", "p"} <= set(titles)
        big = rows(pilot, "#groups-table")[1]
        assert any(cell.endswith("*") for cell in big)


# export ----------------------------------------------------------------------------------------


async def test_x_writes_the_comparison_in_every_format(made: Made, tmp_path: Path) -> None:
    files = {ending: tmp_path / f"評価{ending}" for ending in EXTENSIONS}
    async with comparing(made, "small 1", "big 1") as pilot:
        for file in files.values():
            await export_to(pilot, str(file))
            await until(pilot, file.exists)
            await until(pilot, lambda file=file: str(file) in toasts(pilot))  # type: ignore[misc]
    with files[".csv"].open(newline="") as lines:
        tested = {row["experiment"]: row["ndcg@10.p_holm"] for row in csv.DictReader(lines)}
    assert tested["small"] == "" and 0 < float(tested["big"]) < 0.05
    assert set(pq.read_table(files[".parquet"])["experiment"].to_pylist()) == {"small", "big"}
    assert json.loads(files[".json"].read_text())
    for ending in (".md", ".tex", ".html", ".json"):
        text = files[ending].read_text()
        assert "small" in text and "big" in text and "elsewhere" not in text


async def test_an_export_asks_before_it_replaces_and_says_what_will_not_do(
    made: Made, tmp_path: Path
) -> None:
    file = tmp_path / "kept.csv"
    file.write_text("mine")
    (tmp_path / "folder.csv").mkdir()
    async with comparing(made, "small 1", "big 1") as pilot:
        await export_to(pilot, str(file))
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
        assert file.read_text() == "mine"

        await export_to(pilot, "table.xls")
        assert "the extension must be .csv" in said(pilot, "#fault")
        pilot.app.screen.query_one(Input).value = str(tmp_path / "nowhere" / "table.csv")
        await until(pilot, lambda: "folder not found" in said(pilot, "#fault"))
        pilot.app.screen.query_one(Input).value = str(tmp_path / "folder.csv")
        await until(pilot, lambda: "is a folder" in said(pilot, "#fault"))
        pilot.app.screen.query_one(Input).value = str(file)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: file.read_text() != "mine")
        assert file.read_text().startswith("protocol")
