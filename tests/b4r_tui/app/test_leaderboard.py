"""The leaderboard: seeds in one row, boards that are not ranked together, tests against a baseline, and its keys."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Input

from b4r_tui.app.screens.compare.screen import CompareScreen
from b4r_tui.app.screens.dialogs.ask_name import AskName
from b4r_tui.app.screens.dialogs.choose import Choose
from b4r_tui.app.screens.leaderboard import EMPTY, LeaderboardScreen, Wanted, rank
from b4r_tui.app.screens.main.screen import MainScreen
from b4r_tui.results.leaderboard import leaderboard
from b4r_tui.results.significance import against_baseline
from b4r_tui.runs.store import Run
from b4r_tui.runs.summary import read_summary
from tests.b4r_tui.app.conftest import Place, until
from tests.b4r_tui.app.keyboard import app_of, rows, said, toasts
from tests.b4r_tui.app.sample_runs import write_experiments
from tests.b4r_tui.app.tested_runs import make_tested_runs
from tests.b4r_tui.results.trained import RunStore, trained

SIZE = (160, 40)
Made = tuple[Place, dict[str, Run]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """Runs that no test here changes."""
    folder = tmp_path_factory.mktemp("ranked")
    write_experiments(folder)
    place = Place(folder)
    yield place, make_tested_runs(place)


@asynccontextmanager
async def ranking(place: Place, size: tuple[int, int] = SIZE) -> AsyncIterator[Pilot[None]]:
    """The leaderboard as L opens it."""
    async with place.app().run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app_of(pilot).main._snapshot is not None)
        await pilot.press("L")
        await settled(pilot)
        yield pilot


async def settled(pilot: Pilot[None]) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, LeaderboardScreen))
    await until(pilot, lambda: "Leaderboard" in said(pilot, "#ranked"))


def names_of(pilot: Pilot[None]) -> list[str]:
    return [row[1] for row in rows(pilot, "#board-table")]


def title(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one("#board").border_title)


async def choose(pilot: Pilot[None], key: str, choice: str) -> None:
    """Press a key that asks, and take one of the choices."""
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, Choose))
    question = pilot.app.screen
    assert isinstance(question, Choose)
    question.query_one("OptionList").highlighted = question._choices.index(choice)  # type: ignore[attr-defined]
    await pilot.press("enter")
    await settled(pilot)


async def test_seeds_share_a_row_with_mean_sd_and_interval_as_the_core_ranks_them(made: Made) -> None:
    place, runs = made
    board = leaderboard([read_summary(run) for run in runs.values()])[0]
    async with ranking(place) as pilot:
        assert said(pilot, "#ranked") == "Leaderboard  7 tested runs  ·  3 leaderboards"
        assert title(pilot).startswith("NDCG@10 on test, full, synthetic f1f1f1f1")
        assert names_of(pilot) == [row.experiment for row in board.rows] and names_of(pilot)[0] == "big"
        best = rows(pilot, "#board-table")[0]
        assert best[0] == "1" and "2" in best  # seeds
        assert f"{board.rows[0].value:.4f} ± {board.rows[0].sd:.4f}" in best
        assert f"{board.rows[0].low:.4f} to {board.rows[0].high:.4f}" in best
        assert "0.0500" in best  # popularity
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))


async def test_what_cannot_be_ranked_together_stands_on_other_boards_and_says_why(made: Made) -> None:
    async with ranking(made[0]) as pilot:
        assert "leaderboard 1 of 3" in str(pilot.app.screen.query_one("#board").border_subtitle)
        assert "Not ranked together: they differ in protocol" in said(pilot, "#notes")
        assert "split fingerprint" in said(pilot, "#notes")
        seen = [names_of(pilot)]
        for _ in range(2):
            await pilot.press("right_square_bracket")
            seen.append(names_of(pilot))
        assert sorted(seen[1:]) == [["elsewhere"], ["sampled"]]
        await pilot.press("left_square_bracket", "left_square_bracket")
        assert names_of(pilot) == seen[0]


async def test_b_tests_all_rows_against_the_highlighted_one_and_b_again_none(made: Made) -> None:
    place, runs = made
    summaries = [read_summary(run) for run in runs.values()]
    core = against_baseline(leaderboard(summaries), "small", {run.run_id: run.dir for run in runs.values()})[
        0
    ]
    big = next(row for row in core.rows if row.experiment == "big")
    assert big.versus is not None and big.versus.p_holm < 0.01
    async with ranking(place) as pilot:
        table = pilot.app.screen.query_one("#board-table", DataTable)
        table.move_cursor(row=names_of(pilot).index("small"))
        await pilot.press("b")
        await until(pilot, lambda: "small  baseline" in names_of(pilot))
        found = rows(pilot, "#board-table")[0]
        assert found[1] == "big **"
        assert f"{big.versus.difference:+.4f}" in found and f"{big.versus.p_holm:.4f}" in found
        assert "middle" in names_of(pilot)  # no star
        assert "differs from small at p < 0.05, 0.01" in said(pilot, "#notes")
        assert table.cursor_row == [row.experiment for row in core.rows].index("small")
        await pilot.press("b")
        await until(pilot, lambda: "small" in names_of(pilot))
        assert "Holm" not in said(pilot, "#notes")


async def test_m_and_p_rank_by_another_metric_and_protocol(made: Made) -> None:
    async with ranking(made[0]) as pilot:
        await choose(pilot, "m", "recall@5")
        await until(pilot, lambda: title(pilot).startswith("Recall@5 on test"))
        await choose(pilot, "p", "full")
        await until(pilot, lambda: "2 leaderboards" in said(pilot, "#ranked"))
        assert "sampled" in names_of(pilot)  # its second protocol is what the others have first
        await choose(pilot, "p", "uniform-20")
        await until(pilot, lambda: names_of(pilot) == ["sampled"])
        assert "uniform-20 with negatives n1n1n1" in title(pilot)
        await choose(pilot, "p", "each run's own")
        await until(pilot, lambda: "3 leaderboards" in said(pilot, "#ranked"))


async def test_marked_rows_are_compared_and_without_marks_the_highlighted_one_with_the_first(
    made: Made,
) -> None:
    async with ranking(made[0]) as pilot:
        await until(pilot, lambda: len(app_of(pilot).main.views()) == len(made[1]))
        await pilot.press("right_square_bracket", "c")  # a board of one run
        await until(pilot, lambda: toasts(pilot) == ["Select at least two rows with space."])
        await pilot.press("left_square_bracket", "c")  # the first row alone: its seeds
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
        await until(pilot, lambda: [row[1][:4] for row in rows(pilot, "#groups-table")] == ["big "] * 2)
        await pilot.press("escape")
        await settled(pilot)
        await pilot.press("down", "c")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
        await until(pilot, lambda: len(rows(pilot, "#groups-table")) == 2)
        await pilot.press("escape")
        await settled(pilot)
        await pilot.press("ctrl+home", "space", "space", "space")
        await until(pilot, lambda: [row[0] for row in rows(pilot, "#board-table")] == ["● 1", "● 2", "● 3"])
        await pilot.press("space")  # deselect the last
        assert rows(pilot, "#board-table")[2][0] == "3"
        await pilot.press("ctrl+home", "down", "down", "space", "c")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
        await until(pilot, lambda: len(rows(pilot, "#groups-table")) == 3)


async def test_enter_goes_to_the_newest_run_of_the_row(made: Made) -> None:
    place, runs = made
    async with ranking(place) as pilot:
        app = app_of(pilot)
        await until(pilot, lambda: len(app.main.views()) == len(runs))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        await until(pilot, lambda: app.main.table.selected is not None)
        assert app.main.table.selected and app.main.table.selected.run.run_id == runs["big 2"].run_id


async def test_x_writes_the_board_with_its_tests(made: Made, tmp_path: Path) -> None:
    async with ranking(made[0]) as pilot:
        pilot.app.screen.query_one("#board-table", DataTable).move_cursor(row=names_of(pilot).index("small"))
        await pilot.press("b")
        await until(pilot, lambda: "small  baseline" in names_of(pilot))
        for name in ("board.csv", "board.tex"):
            await pilot.press("x")
            await until(pilot, lambda: isinstance(pilot.app.screen, AskName) and pilot.app.focused)
            pilot.app.screen.query_one(Input).value = str(tmp_path / name)
            await pilot.press("enter")
            await until(pilot, (tmp_path / name).exists)
    with (tmp_path / "board.csv").open(newline="") as lines:
        table = {row["experiment"]: row for row in csv.DictReader(lines)}
    assert table.keys() == {"small", "big", "middle"}
    assert float(table["big"]["ndcg@10.p_holm"]) < 0.01 and table["small"]["ndcg@10.p_holm"] == ""
    assert r"\begin{tabular}" in (tmp_path / "board.tex").read_text()


async def test_an_export_that_fails_is_told_and_leaves_nothing(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    async with ranking(made[0]) as pilot:
        await pilot.press("x")
        await until(pilot, lambda: isinstance(pilot.app.screen, AskName) and pilot.app.focused)
        pilot.app.screen.query_one(Input).value = str(folder / "board.csv")
        monkeypatch.setattr("b4r_tui.results.export.write.replacing", _no_room)
        await pilot.press("enter")
        await until(pilot, lambda: "No space left" in said(pilot, "ErrorDialog Static"))
    assert list(folder.iterdir()) == []


def _no_room(path: Path) -> object:
    raise OSError(28, "No space left on device")


async def test_without_a_tested_run_it_says_so_and_keys_do_nothing(place: Place) -> None:
    place.running()
    async with ranking(place) as pilot:
        assert said(pilot, "#notes") == EMPTY
        await pilot.press("m", "p", "b", "space", "c", "x", "enter")
        assert isinstance(pilot.app.screen, LeaderboardScreen)
        await pilot.press("q")
        await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))


async def test_r_reads_the_runs_again(tmp_path: Path) -> None:
    write_experiments(tmp_path)
    store = RunStore(tmp_path / "runs")
    trained(store, "base")
    async with ranking(Place(tmp_path)) as pilot:
        assert names_of(pilot) == ["base"]
        trained(store, "other", model={"emb_dim": 64})
        await pilot.press("r")
        await until(pilot, lambda: sorted(names_of(pilot)) == ["base", "other"])


def test_a_baseline_that_cannot_be_is_told_and_the_boards_stand_without_it(made: Made) -> None:
    found = rank(made[0].runs, Wanted(baseline="20200101-000000-0000"))
    assert "the baseline '20200101-000000-0000' is not among" in found.refused
    assert len(found.boards) == 3 and all(board.baseline is None for board in found.boards)
