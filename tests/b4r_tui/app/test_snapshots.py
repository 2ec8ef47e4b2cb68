"""The app's main states, compared with stored pictures. New pictures: pytest --snapshot-update."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot

from b4r_tui.app.program_forms import PROGRAMS
from b4r_tui.app.screens.main.screen import MainScreen
from b4r_tui.app.widgets.log.log_tab import LogTab
from b4r_tui.app.widgets.runs.rows import RunRows
from tests.b4r_tui.app import program_samples
from tests.b4r_tui.app.conftest import Place, until

Compare = Callable[..., bool]
SIZE = (120, 36)


def after(*keys: str, runs: int = 0, then: str = "") -> Callable[[Pilot[None]], Awaitable[None]]:
    """Wait for so many runs, press keys, wait until something that matches the selector `then` is there."""

    async def settle(pilot: Pilot[None]) -> None:
        screen = pilot.app.screen
        assert isinstance(screen, MainScreen)
        await until(pilot, lambda: screen._snapshot is not None)
        await until(pilot, lambda: screen.query_one(RunRows).row_count == runs)
        await pilot.press(*keys)
        if then:
            await until(pilot, lambda: pilot.app.screen.query(then))
        await pilot.pause(0.3)

    return settle


def test_no_runs_yet(place: Place, snap_compare: Compare) -> None:
    assert snap_compare(place.app(), terminal_size=SIZE, run_before=after())


def test_a_running_run(place: Place, snap_compare: Compare) -> None:
    place.finished()
    place.running()
    assert snap_compare(place.app(), terminal_size=SIZE, run_before=after(runs=2))


def test_curves(place: Place, snap_compare: Compare) -> None:
    place.running()
    assert snap_compare(place.app(), terminal_size=SIZE, run_before=after("2", runs=1, then="PlotWidget"))


def test_results_of_a_finished_run(place: Place, snap_compare: Compare) -> None:
    place.finished().warned("3 users have no training interaction")
    assert snap_compare(place.app(), terminal_size=SIZE, run_before=after("5", runs=1))


def test_the_data_of_a_run(place: Place, snap_compare: Compare) -> None:
    place.finished()
    assert snap_compare(place.app(), terminal_size=SIZE, run_before=after("6", runs=1))


def test_the_plan_of_a_sharded_run(place: Place, snap_compare: Compare) -> None:
    place.file.write_text(place.file.read_text().replace('launch.mode = "ddp"', 'launch.mode = "dmp"'))
    place.finished()
    assert snap_compare(place.app(), terminal_size=(120, 48), run_before=after("6", runs=1))


def test_the_card_of_a_failed_run(place: Place, snap_compare: Compare) -> None:
    place.failed()
    assert snap_compare(place.app(), terminal_size=SIZE, run_before=after("5", runs=1))


def test_an_invalid_file(place: Place, snap_compare: Compare) -> None:
    text = place.file.read_text()
    place.file.write_text(text.replace("emb_dim = 64", "emb_dm = 64").replace('"1x2"', '"2x"'))
    assert snap_compare(place.app(), terminal_size=SIZE, run_before=after())


def test_all_runs_in_every_state(place: Place, snap_compare: Compare) -> None:
    place.finished()
    place.failed()
    place.running()
    place.run("ml-1m-dmp", "20251009-110031-c07d").held()
    place.run("synthetic-small", "20251009-101010-d1e2").started().epochs(3).stopped()
    place.run("synthetic-small", "20251009-101011-e5f6").started().epochs(1)
    assert snap_compare(place.app(), terminal_size=SIZE, run_before=after("a", runs=3))


@pytest.mark.parametrize("state", ["running", "invalid"])
def test_a_small_terminal(place: Place, snap_compare: Compare, state: str) -> None:
    place.finished()
    place.running()
    if state == "invalid":
        place.file.write_text(place.file.read_text().replace("emb_dim = 64", "emb_dm = 64"))
    assert snap_compare(place.app(), terminal_size=(80, 24), run_before=after(runs=2))


def test_a_large_terminal_in_light_colours(place: Place, snap_compare: Compare) -> None:
    place.finished()
    place.running()
    app = place.app()
    app.theme = "b4r-light"
    assert snap_compare(app, terminal_size=(200, 60), run_before=after(runs=2))


def test_the_help(place: Place, snap_compare: Compare) -> None:
    assert snap_compare(place.app(), terminal_size=SIZE, run_before=after("question_mark", then="Help #box"))


def test_the_question_before_a_stop(place: Place, snap_compare: Compare) -> None:
    place.running()
    assert snap_compare(place.app(), terminal_size=SIZE, run_before=after("s", runs=1, then="Confirm #box"))


@pytest.mark.parametrize("size", [SIZE, (80, 24)], ids=str)
@pytest.mark.parametrize("action", ["fairness", "recommend", "export-model"])
def test_the_dialog_of_what_to_do_after_training(
    place: Place, snap_compare: Compare, size: tuple[int, int], action: str
) -> None:
    place.finished()
    down = [each.name for each in PROGRAMS].index(action)
    keys = ["m", *["down"] * down]
    settle = after(*keys, runs=1, then=f"#form-{action}")
    assert snap_compare(place.app(), terminal_size=size, run_before=settle)


@pytest.mark.parametrize("size", [SIZE, (80, 24)], ids=str)
def test_the_results_of_what_was_done_after_training(
    place: Place, snap_compare: Compare, size: tuple[int, int]
) -> None:
    folder = place.finished().run.dir
    program_samples.recommendations(folder)
    program_samples.export(folder)
    settle = after("7", runs=1, then="OutputsTab .card")
    assert snap_compare(place.app(), terminal_size=size, run_before=settle)


def test_fairness_after_training_as_table_and_curve(place: Place, snap_compare: Compare) -> None:
    program_samples.fairness(place.finished().run.dir)
    settle = after("7", runs=1, then="OutputsTab .card")
    assert snap_compare(place.app(), terminal_size=(120, 48), run_before=settle)


CRASH = """\
[rank1]: Traceback (most recent call last):
[rank1]:   File "train.py", line 88, in step
[rank1]: RuntimeError: [b]out[/b] of \x1b[31mmemory\x1b[0m"""


@pytest.mark.parametrize(
    ("size", "keys"),
    [
        (SIZE, ["slash", *"loss", "enter", "n"]),
        ((80, 24), ["E"]),
        (SIZE, ["v", "v", "z"]),
        ((80, 24), ["ampersand", *"NDCG"]),
    ],
    ids=["search", "error", "level-on-the-whole-screen", "filter-being-typed"],
)
def test_the_log(place: Place, snap_compare: Compare, size: tuple[int, int], keys: list[str]) -> None:
    place.failed().log("rank_0", "評価 🎬 WARNING: wide characters").log("rank_1", CRASH)

    async def settle(pilot: Pilot[None]) -> None:
        await after("3", runs=1, then="LogTab")(pilot)
        view = pilot.app.screen.query_one(LogTab)
        await until(pilot, lambda: view.lines.page is not None and view.lines.page.levels.done == 14)
        view.lines.focus()
        await pilot.press(*keys)
        await pilot.pause(1.0)

    assert snap_compare(place.app(), terminal_size=size, run_before=settle)
