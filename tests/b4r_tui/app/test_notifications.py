"""A run that ends is announced once: a message, a bell, and a desktop notification of the terminal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from b4r_tui.app.notifications import desktop_sequence
from b4r_tui.app.session_state import SessionState
from b4r_tui.runs.records import ExitRecord
from tests.b4r_tui.app.conftest import MEMORY, Place, until
from tests.b4r_tui.app.keyboard import app_of, toasts

SIZE = (120, 36)


class FakeTerminal:
    """Records bells and escape sequences."""

    def __init__(self) -> None:
        self.bells = 0
        self.written: list[str] = []

    def bell(self) -> None:
        self.bells += 1


@asynccontextmanager
async def watching(place: Place, **values: str) -> AsyncIterator[tuple[Pilot[None], FakeTerminal]]:
    """The app once it has seen all runs of the place."""
    app, terminal = place.app(), FakeTerminal()
    app.session.state = SessionState(None)
    for name, value in values.items():
        app.session.state.put(name, value)
    app.bell = terminal.bell  # type: ignore[method-assign]
    app.write_to_terminal = terminal.written.append  # type: ignore[method-assign, assignment]
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, lambda: len(app.main.views()) == len(place.made))
        yield pilot, terminal


def states(pilot: Pilot[None]) -> list[str]:
    return [view.state.value for view in app_of(pilot).main.views()]


async def test_a_run_that_finishes_is_announced_once_with_its_result(place: Place) -> None:
    run = place.running()
    async with watching(place) as (pilot, terminal):
        assert toasts(pilot) == [] and terminal.bells == 0
        run.finished()
        run.let_go()
        await until(pilot, lambda: toasts(pilot))
        assert states(pilot) == ["finished"]
        (text,) = toasts(pilot)
        assert text.startswith(run.run.run_id) and "test NDCG@10 0.1" in text and "(full)" in text
        assert pilot.app.screen.query("Toast.-information")
        run.warned("a word after the end")
        await until(pilot, lambda: app_of(pilot).main._shown.is_set())
        assert terminal.bells == 1 and len(toasts(pilot)) == 1


async def test_a_run_that_fails_is_announced_as_an_error_with_its_cause(place: Place) -> None:
    run = place.running()
    async with watching(place) as (pilot, terminal):
        run.failed(MEMORY)
        run.let_go()
        await until(pilot, lambda: pilot.app.screen.query("Toast.-error"))
        assert "memory" in toasts(pilot)[0].lower()
        assert terminal.bells == 1


async def test_runs_that_had_ended_before_the_start_are_not_announced(place: Place) -> None:
    place.finished()
    place.failed()
    later = place.running()
    async with watching(place) as (pilot, terminal):
        later.exits(ExitRecord(reason="stopped", ended_at=1.0, signal=15))
        later.let_go()
        await until(pilot, lambda: toasts(pilot))
        assert [text.partition(" ")[0] for text in toasts(pilot)] == [later.run.run_id]
        assert terminal.bells == 1


@pytest.mark.parametrize(
    ("loudness", "desktop", "messages", "bells", "written"),
    [
        ("toast", "off", 1, 0, ""),
        ("off", "osc9", 0, 0, None),
        ("bell", "osc9", 1, 1, "\x1b]9;ml-1m-base finished: 20251009-110030-a01f · test NDCG@10"),
        ("toast", "osc777", 1, 0, "\x1b]777;notify;ml-1m-base finished;20251009-110030-a01f · test NDCG@10"),
    ],
)
async def test_the_user_chooses_how_ends_are_announced(
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    loudness: str,
    desktop: str,
    messages: int,
    bells: int,
    written: str | None,
) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    run = place.running()
    async with watching(place, notify=loudness, desktop=desktop) as (pilot, terminal):
        run.finished()
        run.let_go()
        await until(pilot, lambda: states(pilot) == ["finished"])
        await until(pilot, lambda: len(toasts(pilot)) == messages)
        assert terminal.bells == bells
        assert len(terminal.written) == (written is not None)
        assert written is None or terminal.written[0].startswith(written)


def test_a_sequence_is_wrapped_for_tmux() -> None:
    plain = desktop_sequence("osc9", "base finished", "NDCG; 0.1", {})
    assert plain == "\x1b]9;base finished: NDCG, 0.1\x1b\\"
    through = desktop_sequence("osc9", "base finished", "NDCG; 0.1", {"TMUX": "/tmp/tmux"})
    assert through == "\x1bPtmux;" + plain.replace("\x1b", "\x1b\x1b") + "\x1b\\"


def test_a_name_cannot_end_the_sequence_and_begin_another() -> None:
    told = desktop_sequence("osc777", "evil\x1b\\\x1b]0;title", "a\nb\x07c", {})
    assert told.count("\x1b") == 2 and "\x07" not in told and "\n" not in told
    assert desktop_sequence("off", "a", "b", {}) == ""
