"""What keys do to runs, one or several marked ones: stop, resume, retry, delete, place in the queue, compare, measure.

The folders are real ones, and so is all that is done to them; only no process is started.
"""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from b4r_tui.app.app import B4RApp
from b4r_tui.app.screens.dialogs.ask_number import AskNumber
from b4r_tui.app.screens.dialogs.choose import Choose
from b4r_tui.app.screens.dialogs.confirm import Confirm
from b4r_tui.app.screens.dialogs.error import ErrorDialog
from b4r_tui.app.screens.main.screen import MainScreen
from b4r_tui.runs.queue_place import read_place
from b4r_tui.runs.state import RunState
from b4r_tui.runs.store import Run, RunStore
from engine.contract.errors import B4RError
from tests.b4r_tui.app.conftest import Place, until
from tests.b4r_tui.app.crowd import (
    FAILED,
    FINISHED,
    LOST,
    QUEUED,
    RUNNING,
    STOPPED,
    Seen,
    all_runs,
    crowd,
    end,
    trained_to_its_end,
)

SIZE = (110, 28)


async def marked(seen: Seen, *names: str) -> None:
    """Mark these runs."""
    for name in names:
        await seen.go_to(name)
        await seen.press("x")
    assert set(seen.marked) == set(names)


async def asked(pilot: Pilot[None]) -> str:
    """The question that is asked before something is done."""
    await until(pilot, lambda: isinstance(pilot.app.screen, Confirm) and pilot.app.screen.query(Button))
    return str(pilot.app.screen.query_one(Static).render())


async def answered(pilot: Pilot[None], *keys: str) -> None:
    """Press keys until the question is gone."""
    await pilot.press(*keys)
    await until(pilot, lambda: isinstance(pilot.app.screen, (MainScreen, ErrorDialog)))


notified: list[str] = []


@pytest.fixture(autouse=True)
def record_notifications(monkeypatch: pytest.MonkeyPatch) -> None:
    """Record the titles of notifications, which are on screen for a few seconds only."""
    notify = B4RApp.notify
    notified.clear()

    def spy(app: B4RApp, message: str, *, title: str = "", **options: Any) -> None:
        notified.append(title)
        notify(app, message, title=title, **options)

    monkeypatch.setattr(B4RApp, "notify", spy)


# stop ------------------------------------------------------------------------------------------


async def test_s_stops_all_marked_runs_that_go_on_and_names_them_first(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = B4RApp.stop
    signalled: list[str] = []

    def no_signal(app: B4RApp, run: Run) -> None:
        if run.state is RunState.RUNNING:
            signalled.append(end(run))
        else:
            stop(app, run)

    monkeypatch.setattr(B4RApp, "stop", no_signal)
    made = crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        await marked(seen, QUEUED, RUNNING, FINISHED)
        await pilot.press("s")
        question = await asked(pilot)
        assert question.startswith("Stop 2 runs?")
        assert "ml-1m-dmp 20251009-110031-c07d (queued)" in question and FINISHED not in question
        await answered(pilot, "n")
        assert made[QUEUED].run.state is RunState.QUEUED and not signalled
        await pilot.press("s")
        await asked(pilot)
        await answered(pilot, "y")
        await until(pilot, lambda: seen.cell(QUEUED, "state") == "■")
        assert made[QUEUED].run.state is RunState.STOPPED and signalled == [RUNNING]


async def test_a_question_is_answered_with_the_mouse_and_its_first_button_is_no(place: Place) -> None:
    made = crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        await seen.go_to(QUEUED)
        await pilot.press("s")
        await asked(pilot)
        assert pilot.app.focused is pilot.app.screen.query_one("#no")
        await pilot.click("#no")
        await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))
        assert made[QUEUED].run.state is RunState.QUEUED
        await pilot.press("s")
        await asked(pilot)
        await pilot.click("#yes")
        await until(pilot, lambda: made[QUEUED].run.state is RunState.STOPPED)


# resume and retry ------------------------------------------------------------------------------


async def test_shift_r_resumes_the_marked_runs_that_can_be(place: Place) -> None:
    made = crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        await marked(seen, STOPPED, FAILED, FINISHED)
        await seen.press("R")
        await until(pilot, lambda: seen.cell(STOPPED, "state") == seen.cell(FAILED, "state") == "○")
        for name in (STOPPED, FAILED):
            run = made[name].run
            assert run.state is RunState.QUEUED and (run.dir / "attempts" / "1" / "exit.json").exists()
        assert made[FINISHED].run.state is RunState.FINISHED
        assert "Resumed 2 runs" in notified
        assert set(seen.marked) == {STOPPED, FAILED, FINISHED}  # still there for what comes next


async def test_where_one_run_is_refused_the_others_are_resumed_and_the_sentence_is_shown(
    place: Place,
) -> None:
    made = crowd(place)
    trained_to_its_end(made[FAILED])
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        await marked(seen, FAILED, LOST)
        await pilot.press("R")
        await until(pilot, lambda: isinstance(pilot.app.screen, ErrorDialog))
        said = str(pilot.app.screen.query_one(Static).render())
        assert "20251009-093012-91bc has finished; launch its experiment again" in said
        await answered(pilot, "escape")
        await until(pilot, lambda: made[LOST].run.state is RunState.QUEUED)
        assert made[FAILED].run.state is RunState.FAILED
        assert "Resumed 20251009-101011-e5f6" in notified


async def test_t_tries_again_in_the_folder_or_as_a_new_run_where_training_had_ended(place: Place) -> None:
    made = crowd(place)
    trained_to_its_end(made[FAILED])
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        await marked(seen, FAILED, STOPPED)
        await seen.press("t")
        await until(pilot, lambda: len(seen.names) == 7)
        new = RunStore(place.runs).latest("ml-1m-base")
        assert new is not None and read_place(new.dir).retry_of == made[FAILED].run.name
        assert new.state is RunState.QUEUED and new.config() == made[FAILED].run.config()
        assert made[STOPPED].run.state is RunState.QUEUED and made[FAILED].run.state is RunState.FAILED
        await until(pilot, lambda: "Retried 2 runs" in notified)


# delete ----------------------------------------------------------------------------------------


async def test_shift_d_deletes_the_marked_runs_but_for_those_under_way(place: Place) -> None:
    made = crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        await marked(seen, RUNNING, FAILED, FINISHED)
        await pilot.press("D")
        question = await asked(pilot)
        assert question.startswith(
            "Delete 2 runs with all files, including checkpoints? This cannot be undone."
        )
        assert "(finished)" in question and "Still running, not deleted: 1 run." in question
        await answered(pilot, "enter")  # the first button is no
        assert made[FAILED].run.dir.exists()
        await pilot.press("D")
        await asked(pilot)
        await answered(pilot, "y")
        await until(pilot, lambda: seen.names == [QUEUED, RUNNING, LOST, STOPPED])
        assert not made[FAILED].run.dir.exists() and not made[FINISHED].run.dir.exists()
        assert made[RUNNING].run.dir.exists() and "Deleted 2 runs" in notified
        assert seen.marked == [RUNNING] and seen.at in seen.names


async def test_of_many_runs_a_question_names_four(place: Place) -> None:
    crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        await seen.press("X")
        await pilot.press("D")
        question = await asked(pilot)
        assert question.startswith("Delete 5 runs") and "and 1 more" in question
        await answered(pilot, "escape")
        assert len(seen.names) == 6


# queue -----------------------------------------------------------------------------------------


async def test_p_moves_holds_and_prioritises_waiting_runs(place: Place) -> None:
    first, second = (
        place.run("ml-1m-dmp", run_id).run for run_id in ("20251009-110031-0001", "20251009-110032-0002")
    )
    place.finished()

    async def choose(answer: str) -> None:
        await pilot.press("p")
        await until(pilot, lambda: isinstance(pilot.app.screen, Choose))
        options = pilot.app.screen.query_one("OptionList")
        prompts = [str(option.prompt) for option in options.options]  # type: ignore[attr-defined]
        options.highlighted = prompts.index(answer)  # type: ignore[attr-defined]
        await seen.press("enter")

    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot, 3)
        await seen.go_to("0002")
        await choose("Move to front")
        await until(pilot, lambda: read_place(second.dir).order is not None)
        assert "Updated 20251009-110032-0002" in notified
        await marked(seen, "0001", "0002", FINISHED)
        await choose("Pause")
        await until(pilot, lambda: read_place(first.dir).paused and read_place(second.dir).paused)
        await choose("Resume")
        await until(pilot, lambda: not read_place(first.dir).paused and not read_place(second.dir).paused)
        await choose("Set priority…")
        await until(pilot, lambda: isinstance(pilot.app.screen, AskNumber))
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        await seen.press("backspace", "5", "enter")
        await until(pilot, lambda: read_place(first.dir).priority == read_place(second.dir).priority == 5)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(pilot.app.screen, Choose))
        await seen.press("escape")
        assert isinstance(pilot.app.screen, MainScreen)
        assert not (place.made[-1].run.dir / "queue.json").exists()  # the finished one has no place


# compare, measure, what fits ---------------------------------------------------------------------


async def test_c_compares_the_marked_runs(place: Place) -> None:
    crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        await marked(seen, FINISHED, FAILED)
        await pilot.press("c")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "CompareScreen")


async def test_m_offers_what_comes_after_training_just_for_a_finished_run(place: Place) -> None:
    crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        await seen.press("m")
        assert isinstance(pilot.app.screen, MainScreen)
        await seen.go_to(FINISHED)
        await pilot.press("m")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "RunProgram")


FITTING = {
    QUEUED: {"stop", "delete", "queue"},
    RUNNING: {"stop"},
    LOST: {"resume", "retry", "delete"},
    STOPPED: {"resume", "retry", "delete"},
    FAILED: {"resume", "retry", "delete"},
    FINISHED: {"delete", "run_program"},
}


async def test_keys_that_would_do_nothing_are_dimmed(place: Place) -> None:
    crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        screen = pilot.app.screen
        acting = ("stop", "resume", "retry", "delete", "queue", "run_program")
        for name, fitting in FITTING.items():
            await seen.go_to(name)
            assert {action for action in acting if screen.check_action(action, ())} == fitting, name
            if name == FINISHED:
                await seen.press("s", "R", "t", "p")
                assert isinstance(pilot.app.screen, MainScreen) and notified == []


async def test_an_error_of_the_core_is_told_in_a_sentence(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(app: B4RApp, run: Run) -> None:
        raise B4RError(f"{run.name}: its supervisor [does] not answer; try again")

    monkeypatch.setattr(B4RApp, "stop", refuse)
    crowd(place)
    async with place.app().run_test(size=SIZE) as pilot:
        seen = await all_runs(pilot)
        await seen.go_to(RUNNING)
        await pilot.press("s")
        assert "It has completed 13 of 20 epochs." in await asked(pilot)
        await answered(pilot, "y")
        await until(pilot, lambda: isinstance(pilot.app.screen, ErrorDialog))
        said = str(pilot.app.screen.query_one(Static).render())
        assert "a01f: its supervisor [does] not answer; try again" in said
