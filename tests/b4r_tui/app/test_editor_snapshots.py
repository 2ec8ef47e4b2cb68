"""States of the experiments editor, compared with stored pictures. New pictures: pytest --snapshot-update."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot

from b4r_tui.app.screens.dialogs.ask_name import AskOne
from b4r_tui.app.screens.editor.screen import EditorScreen
from b4r_tui.app.widgets.form.setting_row import SettingRow
from tests.b4r_tui.app.conftest import Place, until

Compare = Callable[..., bool]


def editor(place: Place, *keys: str, then: str = "") -> Callable[[Pilot[None]], Awaitable[None]]:
    """Open the editor, press keys, and wait for an error or a question if one is expected."""

    async def settle(pilot: Pilot[None]) -> None:
        screen = EditorScreen(place.file, "ml-1m-dmp", poll_seconds=0.1)
        pilot.app.push_screen(screen)
        await until(
            pilot, lambda: screen.is_mounted and screen.query(SettingRow) and screen.panes.result.runs, 60
        )
        await pilot.press(*keys)
        if then == "error":
            await until(pilot, lambda: [row for row in screen.query(SettingRow) if row.content.error], 60)
        if then == "question":
            place.file.write_text(place.file.read_text().replace('"dmp"', '"dmp"\ntraining.lr = 9.0'))
            await until(pilot, lambda: isinstance(pilot.app.screen, AskOne), 60)
        await pilot.pause(0.6)

    return settle


@pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids=str)
def test_an_experiment(place: Place, snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(place.app(), terminal_size=size, run_before=editor(place))


@pytest.mark.parametrize("state", ["error", "question"])
def test_what_needs_an_answer(place: Place, snap_compare: Compare, state: str) -> None:
    typed = "fast" if state == "error" else "1"
    settle = editor(place, "slash", *"learning rate of adam", "enter", "enter", *typed, "enter", then=state)
    assert snap_compare(place.app(), terminal_size=(120, 36), run_before=settle)
