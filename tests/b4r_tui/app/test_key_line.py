"""The line of keys: what fits, what a click does, what it tells."""

from __future__ import annotations

import pytest

from b4r_tui.app.screens.help import Help
from b4r_tui.app.widgets.key_line import HELP, Key, KeyLine, fitted
from tests.b4r_tui.app.conftest import Place, until

KEYS = [Key("l", "l", "Launch", True, "Launch it"), Key("s", "s", "Stop", False, "Stop it")]  # 8 and 6 cells
PALETTE = Key("ctrl+p", "^p", "palette", True, "Everything")  # 10 cells


@pytest.mark.parametrize(
    ("width", "gap", "palette"),
    [(30, 2, PALETTE), (29, 1, PALETTE), (28, 1, None), (17, 1, None), (16, 1, None), (1, 1, None)],
)
def test_room_between_keys_goes_first_and_then_the_palettes_key(
    width: int, gap: int, palette: Key | None
) -> None:
    room, found, last = fitted(KEYS, PALETTE, width)
    assert (found, last) == (gap, palette)
    assert room == width - (13 if palette else 1)


def test_where_not_all_fit_the_key_that_tells_all_keeps_its_place() -> None:
    tells = Key(HELP, "?", "Help", True, "All keys")  # 6 cells
    assert fitted([*KEYS, tells], PALETTE, 24) == (23, 1, None)
    assert fitted([*KEYS, tells], PALETTE, 23) == (14, 1, tells)


def text_of(line: KeyLine) -> str:
    return line.render().plain


@pytest.mark.parametrize("columns", [40, 60, 80, 120, 200])
async def test_keys_are_whole_at_every_width(place: Place, columns: int) -> None:
    place.finished()
    async with place.app().run_test(size=(columns, 24)) as pilot:
        line = pilot.app.screen.query_one(KeyLine)
        await until(pilot, lambda: "Launch" in text_of(line))
        shown = text_of(line)
        assert len(shown) <= columns
        known = {f"{key.shown} {key.label}" for key in (*line._keys, line._palette) if key}
        assert all(shown[start:end] in known for start, end, _ in line._places)
        assert ("palette" in shown) is (columns >= 120)
        assert "? Help" in shown
        if columns >= 80:
            assert "/ Filter" in shown
        await pilot.press("tab")
        await until(pilot, lambda: "Mark" in text_of(line))
        assert "? Help" in text_of(line)


async def test_a_click_is_the_key_and_the_mouse_is_told_what_it_does(place: Place) -> None:
    async with place.app().run_test(size=(120, 36)) as pilot:
        line = pilot.app.screen.query_one(KeyLine)
        await until(pilot, lambda: "Help" in text_of(line))
        start = text_of(line).index("? Help")
        await pilot.hover(KeyLine, offset=(start + 2, 0))
        assert line.tooltip == "Show what the keys do"
        await pilot.hover(KeyLine, offset=(0, 0))
        assert line.tooltip is None
        await pilot.click(KeyLine, offset=(0, 0))
        await pilot.click(KeyLine, offset=(start + 2, 0))
        await until(pilot, lambda: isinstance(pilot.app.screen, Help))
