"""One run closer: what its tabs show and what keys do in them."""

from __future__ import annotations

import json

from textual.pilot import Pilot
from textual.widgets import DataTable, Static, TextArea

from b4r_tui.app.widgets.run.config_tab import ConfigTab
from b4r_tui.app.widgets.run.curves_tab import CurvesTab
from b4r_tui.runs.records import ExitRecord, StatusRecord, write_exit, write_status
from tests.b4r_tui.app.conftest import Place, until
from tests.b4r_tui.app.crowd import FAILED, FINISHED, RUNNING, Seen, another_epoch
from tests.b4r_tui.app.sample_runs import NOW, RunFolder
from tests.b4r_tui.app.test_main_screen import opened

SIZE = (120, 36)


async def closer(pilot: Pilot[None], runs: int = 1) -> Seen:
    """The runs of the first experiment are there; the table has the keys and the newest the cursor."""
    app = await opened(pilot)
    seen = Seen(pilot)
    await until(pilot, lambda: len(seen.names) == runs)
    app.main.set_focus(seen.rows)
    await seen.press("home")
    return seen


# curves ----------------------------------------------------------------------------------------


def titles(seen: Seen) -> list[str]:
    """The titles of the plots in sight, without legends."""
    places = [place for place in seen.app.main.query(".plot") if place.display]
    said = [str(place.query_one(".plot-title", Static).render()) for place in places]
    return [title.partition("   ")[0] for title in said]


async def test_v_shows_the_other_curves_and_a_large_terminal_all_four(place: Place) -> None:
    place.running()
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await closer(pilot)
        await pilot.press("2", "2")  # twice: the keys go there, even before there is something to see
        await until(pilot, lambda: titles(seen) == ["Train loss", "NDCG@10 val"])
        await until(pilot, lambda: isinstance(pilot.app.focused, CurvesTab))
        await seen.press("v")
        assert titles(seen) == ["Sequences per second", "Learning rate"]
        await seen.press("v")
        assert titles(seen) == ["Train loss", "NDCG@10 val"]
        await pilot.resize_terminal(120, 60)
        await until(pilot, lambda: len(titles(seen)) == 4)


async def test_zoom_halves_the_epochs_in_sight_arrows_move_and_0_shows_all(place: Place) -> None:
    place.finished()
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await closer(pilot)
        await seen.press("2")
        await until(pilot, lambda: seen.app.main.query("PlotWidget"))
        await seen.press("2")
        curves = seen.app.main.query_one(CurvesTab)
        plot = curves.query("PlotWidget").first()

        def epochs() -> tuple[float, float]:
            return plot._x_min, plot._x_max  # type: ignore[attr-defined]

        assert epochs() == (1.0, 20.0) and not curves.query_one("#curve-status").display
        await seen.press("plus")
        assert epochs() == (5.75, 15.25)
        assert "Showing 50 % of epochs · 0 resets" in seen.text("#curve-status")
        await seen.press("right", "right", "right", "right")
        assert epochs() == (10.5, 20.0)  # there is no more
        await seen.press("left")
        assert epochs() == (8.125, 17.625)
        await seen.press("equals_sign")
        assert epochs() == (10.5, 15.25)
        await seen.press("minus", "minus", "minus")
        assert epochs() == (1.0, 20.0)
        await seen.press("plus", "0")
        assert epochs() == (1.0, 20.0) and not curves.query_one("#curve-status").display
        for _ in range(9):
            await seen.press("plus")
        low, high = epochs()
        assert high - low == 1  # never less than from one epoch to the next
        for _ in range(5):
            await seen.press("minus")
        assert epochs() == (1.0, 20.0)


async def test_marked_runs_are_drawn_over_each_other_with_signs_and_names(place: Place) -> None:
    for make in (place.finished, place.failed, place.running):
        make()
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await closer(pilot, 3)
        await seen.press("2")
        await until(pilot, lambda: titles(seen) == ["Train loss", "NDCG@10 val"])
        curves = seen.app.main.query_one(CurvesTab)
        assert (
            list(curves._curves[0].lines) == [""] and len(curves._curves[1].lines) == 2
        )  # a line a protocol
        await seen.press("X")
        names = [f"ml-1m-base {name}" for name in (RUNNING, FAILED, FINISHED)]
        await until(pilot, lambda: list(curves._curves[0].lines) == names)
        assert titles(seen) == ["Train loss", "NDCG@10 val, full"]
        legend = seen.text("#curve-status")
        assert all(f"{sign}━ {name}" in legend for sign, name in zip("●▲■", names, strict=True))
        drawn = seen.text("#plots")
        assert all(sign in drawn for sign in "●▲■")
        await seen.press("escape", "M")
        await until(pilot, lambda: pilot.app.screen.query("Choose OptionList"))
        await seen.press("down", "enter")
        await until(pilot, lambda: titles(seen)[1] == "Recall@1 val")
        assert list(curves._curves[0].lines) == [""]


async def test_curves_grow_with_the_run_and_begin_with_its_first_epoch(place: Place) -> None:
    run = place.run("ml-1m-base", "20251009-110030-a01f").held().started().training(0, 3)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await closer(pilot)
        await seen.press("2")
        await until(pilot, lambda: "No data yet: curves appear after epoch 1." in seen.text("CurvesTab"))
        another_epoch(run, 0, ndcg=0.1)
        await until(pilot, lambda: titles(seen) == ["Train loss", "NDCG@10 val"])
        curves = seen.app.main.query_one(CurvesTab)
        assert curves._curves[1].lines == {"full": ([1.0], [0.1])}
        another_epoch(run, 1, ndcg=0.2)
        await until(pilot, lambda: curves._curves[1].lines == {"full": ([1.0, 2.0], [0.1, 0.2])})


async def test_one_marked_run_is_named_where_the_cursor_stands_on_another(place: Place) -> None:
    place.finished()
    place.running()
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await closer(pilot, 2)
        await seen.press("2", "x")
        await until(pilot, lambda: f"ml-1m-base {RUNNING}" in seen.text("#curve-status"))
        assert seen.at == FINISHED
        await seen.press("up")
        await until(pilot, lambda: not seen.app.main.query_one("#curve-status").display)


async def test_z_gives_a_run_the_whole_screen_and_takes_it_back(place: Place) -> None:
    place.finished()
    place.running()
    async with place.app().run_test(size=(80, 24)) as pilot:
        seen = await closer(pilot, 2)
        await seen.press("2", "z")
        await until(pilot, lambda: seen.app.main.query_one(CurvesTab).size.height > 15)
        assert isinstance(pilot.app.focused, CurvesTab)  # keys go to what is seen
        await seen.press("escape")
        await until(pilot, lambda: seen.app.main.query_one(CurvesTab).size.height < 8)
        await seen.press("z", "z")
        assert seen.app.main.maximized is None and pilot.app.focused.is_on_screen  # type: ignore[union-attr]


# config ----------------------------------------------------------------------------------------


async def test_d_shows_what_differs_from_the_defaults_the_file_and_the_parent(place: Place) -> None:
    place.finished("ml-1m-dmp", "20251009-101502-77de")
    place.file.write_text(place.file.read_text().replace("emb_dim = 64", "emb_dim = 32"))
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await closer(pilot, 0)
        seen.app.main.query_one("#experiments").focus()
        await seen.press("down")
        await until(pilot, lambda: seen.names == ["77de"])
        await seen.press("4")
        await until(pilot, lambda: seen.app.main.query(TextArea))
        await until(pilot, lambda: 'name = "ml-1m-dmp"' in seen.text("ConfigTab"))
        assert "settings changed from defaults · d to compare" in seen.text("#config-status")
        await seen.press("4", "d")
        said = seen.text("ConfigTab")
        assert "changed from the defaults" in said and "training.num_epochs" in said and "20" in said
        await seen.press("d")
        said = seen.text("ConfigTab")
        assert "1 setting changed from ml-1m-dmp as it is in the file now" in said
        assert ["model.emb_dim", "64", "32"] in [line.split() for line in said.splitlines()]
        await seen.press("d")
        said = [line.split() for line in seen.text("ConfigTab").splitlines()]
        assert ["launch.mode", "dmp", "ddp"] in said and ["model.emb_dim", "64", "32"] in said
        assert "the parent ml-1m-base" in seen.text("#config-status")
        await seen.press("d")
        assert isinstance(pilot.app.focused, TextArea) and 'name = "ml-1m-dmp"' in seen.text("ConfigTab")


async def test_what_cannot_be_compared_is_told_in_a_sentence(place: Place) -> None:
    place.finished()
    place.run("synthetic-small", "20251009-101010-d1e2").started().epochs(3).stopped()
    place.file.write_text(place.file.read_text().replace("synthetic-small", "renamed"))
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await closer(pilot)
        await seen.press("a", "4")
        await until(pilot, lambda: len(seen.names) == 2)
        await seen.go_to(FINISHED)
        await until(pilot, lambda: 'name = "ml-1m-base"' in seen.text("ConfigTab"))
        await seen.press("4", "d", "d")
        assert "No differences." in seen.text("ConfigTab")
        await seen.press("d")
        assert "ml-1m-base does not extend another experiment" in seen.text("ConfigTab")
        seen.app.main.set_focus(seen.rows)
        await seen.go_to("d1e2")
        view = seen.app.main.query_one(ConfigTab)
        await until(pilot, lambda: view._comparisons[1].missing)
        seen.app.main.query_one("#config-changes").focus()
        await seen.press("d", "d", "d")
        assert "No comparison with synthetic-small as it is in the file now" in seen.text("#config-status")
        said = " ".join(seen.text("#config-changes").split())
        assert "synthetic-small" in said.replace("synthetic- small", "synthetic-small") and "renamed" in said


# environment -----------------------------------------------------------------------------------


def ran_on(run: RunFolder) -> None:
    """What the engine and an earlier attempt leave in the folder."""
    facts = {
        "host": "評価-host",
        "device": "cuda",
        "world_size": 2,
        "python": "3.11.7",
        "packages": {"torch": "2.9.1", "torchrec": "1.4.0"},
        "git_commit": "0123abc",
        "git_dirty": True,
        "argv": ["torchrun", "--nproc-per-node", "2"],
    }
    (run.run.dir / "environment.json").write_text(json.dumps(facts))
    before = run.run.dir / "attempts" / "1"
    before.mkdir(parents=True)
    (before / "config.toml").write_text((run.run.dir / "config.toml").read_text())
    at = NOW - 9000
    status = StatusRecord(run_id=run.run.run_id, experiment=run.run.experiment, queued_at=at, started_at=at)
    write_status(before, status)
    error = "rank 1 ran out of memory\nsecond line"
    write_exit(before, ExitRecord(reason="failed", ended_at=at + 90, code=1, error=error))


async def test_the_environment_shows_attempts_above_facts(place: Place) -> None:
    ran_on(place.finished())
    place.running()
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await closer(pilot, 2)
        await seen.press("8")
        await until(pilot, lambda: "No data yet: shown once" in seen.text("EnvironmentTab"))
        await seen.press("down")
        await until(pilot, lambda: "torchrec" in seen.text("EnvironmentTab"))
        lines = [line.split() for line in seen.text("EnvironmentTab").splitlines()]
        assert lines[0] == ["attempt", "started", "took", "ranks", "ended"]
        assert " ".join(lines[1][3:]) == "1m 30s 2 failed: rank 1 ran out of memory"
        assert lines[2][0] == "2" and lines[2][-1] == "finished"
        assert ["host", "評価-host"] in lines and ["torch", "2.9.1"] in lines
        assert ["git", "commit", "0123abc,", "with", "uncommitted", "changes"] in lines
        await seen.press("up")
        await until(pilot, lambda: "No data yet: shown once" in seen.text("EnvironmentTab"))


# epochs ----------------------------------------------------------------------------------------


async def test_the_best_epoch_has_a_star_and_the_table_follows_its_end(place: Place) -> None:
    run = place.running()
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await closer(pilot)
        epochs = seen.app.main.query_one("EpochsTab DataTable", DataTable)
        await until(pilot, lambda: epochs.row_count == 13 and epochs.cursor_row == 12)

        def starred() -> list[str]:
            rows = [epochs.get_row_at(number) for number in range(epochs.row_count)]
            return [str(row[1]).strip() for row in rows if "★" in str(row[0])]

        assert starred() == [str(run.best + 1)]
        another_epoch(run, 13, ndcg=0.01)
        await until(pilot, lambda: epochs.row_count == 14 and epochs.cursor_row == 13)
        assert starred() == [str(run.best + 1)]
        await seen.press("tab", "home")
        assert pilot.app.focused is not seen.rows
        await seen.press("1")
        assert pilot.app.focused is epochs
        await seen.press("home")
        assert epochs.cursor_row == 0
        another_epoch(run, 14, ndcg=0.02)
        await until(pilot, lambda: epochs.row_count == 15)
        assert epochs.cursor_row == 0  # the cursor stays on the epoch
        await seen.press("end")
        assert epochs.cursor_row == 14
        said = seen.text("EpochsTab")
        assert "Recall@10" in said and "popular-100" in said and "Time" in said


# results and data ------------------------------------------------------------------------------


async def test_results_by_protocol_have_intervals_and_baselines(place: Place) -> None:
    place.finished().warned("3 users have no training interaction")
    place.running()
    place.run("ml-1m-base", "20251009-081004-d1e2").started().epochs(2).stopped()
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await closer(pilot, 3)
        await seen.press("5")
        await until(
            pilot,
            lambda: "No data yet: the best epoch is tested after training." in seen.text("ResultsTab"),
        )
        await seen.press("down")
        await until(pilot, lambda: "Test split, checkpoint of epoch" in seen.text("ResultsTab"))
        said = seen.text("ResultsTab")
        assert "full · 6,040 users" in said
        assert "95 % interval" in said and "popularity" in said and "markov" in said
        ndcg = next(line.split() for line in said.splitlines() if line.split()[:1] == ["NDCG@10"])
        value, low, to, high = float(ndcg[1]), float(ndcg[2]), ndcg[3], float(ndcg[4])
        assert low < value < high and to == "to" and ndcg[5:] == ["0.0210", "0.0740", "0.0014"]
        await seen.press("5", "pagedown", "pagedown", "end")
        said = seen.text("ResultsTab")
        assert "3 users have no training interaction" in said
        seen.app.main.set_focus(seen.rows)
        await seen.press("end")
        await until(pilot, lambda: "This run was stopped before its test." in seen.text("ResultsTab"))


async def test_the_plan_says_where_the_pieces_of_each_table_lie(place: Place) -> None:
    place.file.write_text(place.file.read_text().replace('launch.mode = "ddp"', 'launch.mode = "dmp"'))
    place.finished()
    place.run("ml-1m-base", "20251009-110030-a01f").held()
    async with place.app().run_test(size=(120, 48)) as pilot:
        seen = await closer(pilot, 2)
        await seen.press("6")
        await until(pilot, lambda: "Data has not been read yet." in seen.text("DataTab"))
        await seen.press("down")
        await until(pilot, lambda: "row_wise" in seen.text("DataTab"))
        rows = [line.split() for line in seen.text("DataTab").splitlines()]
        assert ["item", "row_wise", "fused"] in [row[:3] for row in rows]
        assert sum("total" in row for row in rows) >= 2  # one per rank
        assert ["min_item_count"] in [row[:1] for row in rows]
