"""No callback, worker or timer touches a widget that has left its screen."""

from __future__ import annotations

import ast
import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

import b4r_tui.app
from b4r_tui.app.app import B4RApp
from b4r_tui.app.lifecycle import while_mounted
from b4r_tui.app.screens.main.screen import MainScreen
from b4r_tui.app.widgets.run.detail import TABS
from tests.b4r_tui.app.conftest import Place, until
from tests.b4r_tui.app.keyboard import app_of

SCHEDULERS = {"call_after_refresh": 0, "call_later": 0, "call_next": 0, "set_timer": 1, "set_interval": 1}
NOT_IN_THREADS = {"call_from_thread", "notify", "query", "query_one", "screen", "focused", "refresh"}
ROUNDS = 8
# All that open something, except Textual's own palette: that one fails if it is closed before it is mounted.
OPENING = ["e", "L", "c", "question_mark", "m", "D", "M", "slash", "z", "3", "7", "4", "8", "2"]


def trees() -> Iterator[tuple[str, ast.AST]]:
    """Yield all modules of the app by name."""
    root = Path(b4r_tui.app.__file__).parent
    for path in sorted(root.rglob("*.py")):
        yield str(path.relative_to(root)), ast.parse(path.read_text())


def is_guarded(call: ast.Call, place: int) -> bool:
    """Return whether the callback of a call is `while_mounted(…)`, or a name that is bound to one."""
    callback = call.args[place] if len(call.args) > place else None
    if isinstance(callback, ast.Name):
        return callback.id == "guarded"
    return isinstance(callback, ast.Call) and getattr(callback.func, "id", "") == "while_mounted"


def unguarded(tree: ast.AST) -> list[int]:
    """Return the lines on which a callback is scheduled without a guard."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = [(call, getattr(call.func, "attr", "")) for call in calls]
    return [
        call.lineno for call, name in named if name in SCHEDULERS and not is_guarded(call, SCHEDULERS[name])
    ]


def is_thread_worker(node: ast.AST) -> bool:
    decorators = getattr(node, "decorator_list", [])
    return any("thread=True" in ast.unparse(decorator) for decorator in decorators)


def touched_in_threads(tree: ast.AST) -> list[str]:
    """Return what thread workers use of widgets, other than `post_message`."""
    workers = [node for node in ast.walk(tree) if is_thread_worker(node)]
    attributes = [node for worker in workers for node in ast.walk(worker) if isinstance(node, ast.Attribute)]
    return [f"{node.lineno}: {node.attr}" for node in attributes if node.attr in NOT_IN_THREADS]


def test_every_scheduled_callback_is_guarded() -> None:
    assert {name: lines for name, tree in trees() if (lines := unguarded(tree))} == {}


def test_thread_workers_only_post_messages() -> None:
    assert {name: uses for name, tree in trees() if (uses := touched_in_threads(tree))} == {}
    calls = [name for name, tree in trees() if "call_from_thread" in ast.unparse(tree)]
    assert calls == [], "it blocks the thread while the app exits"


@pytest.mark.parametrize(
    "line",
    ["self.call_after_refresh(self._look)", "self.set_timer(1, lambda: self.x)", "app.call_later(f, 1)"],
)
def test_a_callback_without_guard_would_be_found(line: str) -> None:
    assert unguarded(ast.parse(line)) == [1]


class Late(Static):
    """Looks at its screen after the next refresh."""

    calls = 0

    def look(self) -> None:
        self.screen.query(Static)
        type(self).calls += 1


class LateApp(App[None]):
    def compose(self) -> ComposeResult:
        yield Late()


async def test_a_callback_runs_on_screen_and_not_after_its_widget_was_removed() -> None:
    async with LateApp().run_test() as pilot:
        late = pilot.app.query_one(Late)
        guarded = while_mounted(late, late.look)
        late.call_after_refresh(guarded)
        await pilot.pause()
        assert Late.calls == 1
        await late.remove()
        guarded()
        assert Late.calls == 1


async def leave(pilot: Pilot[None]) -> None:
    """Close all screens above the main one at once."""
    while len(pilot.app.screen_stack) > 1:
        await pilot.app.pop_screen()


async def test_screens_that_close_quickly_while_snapshots_arrive_raise_nothing(place: Place) -> None:
    chance = random.Random(7)
    place.finished()
    place.failed()
    running = place.running()
    async with place.app().run_test(size=(120, 36)) as pilot:
        app = app_of(pilot)
        await until(pilot, lambda: len(app.main.views()) == 3)
        for number in range(ROUNDS):
            running.epochs(1)
            for key in chance.sample(OPENING, 3):
                app.simulate_key(key)
                for _ in range(chance.randrange(4)):
                    await asyncio.sleep(0)
            app.main.refresh_bindings()
            app.screen.refresh_bindings()
            await asyncio.sleep(chance.choice((0, 0, 0.01, 0.03)))
            await leave(pilot)
            if number % 4 == 0:
                app.main.detail.open_tab(chance.choice(TABS))
        for _ in range(10):  # a worker may still open a dialog, such as the error of a comparison
            await pilot.pause(0.1)
            await leave(pilot)
        assert app.crash is None and isinstance(app.screen, MainScreen)


@pytest.mark.parametrize("key", ["e", "L", "D", "z", "2", "3"])
async def test_leaving_the_app_while_a_screen_opens_raises_nothing(place: Place, key: str) -> None:
    place.finished()
    app: B4RApp = place.app()
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: len(app.main.views()) == 1)
        app.simulate_key(key)
        await asyncio.sleep(0)
        app.screen.refresh_bindings()
        app.exit()
    assert app.crash is None


async def test_every_screen_can_be_removed_right_after_its_keys_have_changed(place: Place) -> None:
    """The line of keys looks at its screen after the next refresh, when the screen may have closed."""
    place.finished()
    async with place.app().run_test(size=(120, 36)) as pilot:
        app = app_of(pilot)
        await until(pilot, lambda: len(app.main.views()) == 1)
        for key in ("e", "L"):
            for _ in range(2):
                await pilot.press(key)
                await until(pilot, lambda: not isinstance(app.screen, MainScreen))
                screen: Screen[object] = app.screen
                screen.refresh_bindings()
                screen.bindings_updated_signal.publish(screen)
                await app.pop_screen()
                await pilot.pause()
        assert app.crash is None
