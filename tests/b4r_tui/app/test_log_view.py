"""What each key does in the log of a run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input, Static

from b4r_tui.app.app import B4RApp
from b4r_tui.app.widgets.log.lines import LogLines
from b4r_tui.app.widgets.log.log_tab import LogTab
from b4r_tui.app.widgets.runs.rows import RunRows
from tests.b4r_tui.app.conftest import Place, until
from tests.b4r_tui.app.sample_runs import RunFolder

SMALL = (80, 24)
TRACEBACK = (
    '[rank1]: Traceback (most recent call last):\n[rank1]:   File "x.py", line 8, in f\n[rank1]: KeyError: 1'
)


class Log:
    """The log tab of the first run, in an app."""

    def __init__(self, pilot: Pilot[None], run: RunFolder) -> None:
        self.pilot, self.run = pilot, run

    @property
    def app(self) -> B4RApp:
        assert isinstance(self.pilot.app, B4RApp)
        return self.pilot.app

    @property
    def lines(self) -> LogLines:
        return self.app.screen.query_one(LogTab).lines

    @property
    def status(self) -> str:
        return str(self.app.screen.query_one("#log-status", Static).render())

    def shown(self) -> list[str]:
        page = self.lines.page
        return [page.document.text(page.row_at(at)) for at in range(page.shown)] if page else []

    def screen(self) -> list[str]:
        return [self.lines.render_line(y).text.rstrip() for y in range(self.lines.size.height)]

    def current(self) -> str:
        assert self.lines.page is not None and self.lines.current is not None
        return self.lines.page.document.text(self.lines.current)

    async def press(self, *keys: str, until_true: Callable[[], object] = lambda: True) -> None:
        await self.pilot.press(*keys)
        await until(self.pilot, until_true)


@asynccontextmanager
async def opened(place: Place, size: tuple[int, int] = SMALL) -> AsyncIterator[Log]:
    """A run with 300 lines in rank 0's log and two errors in rank 1's."""
    run = place.run("ml-1m-base", "20251009-110030-a01f").held().started()
    run.log("rank_0", "\n".join(f"step {step} loss {step % 7}" for step in range(299)))
    run.log("rank_1", f"ERROR: first\nWARNING: hm\n{TRACEBACK}\nat last")
    async with place.app().run_test(size=size) as pilot:
        log = Log(pilot, run)
        await until(pilot, lambda: pilot.app.screen.query_one(RunRows).row_count)
        await pilot.press("3")
        await until(pilot, lambda: pilot.app.screen.query(LogTab))
        log.lines.focus()
        await until(pilot, lambda: len(log.shown()) == 308 and log.lines.page.levels.done == 308)
        yield log


async def test_the_end_is_followed_until_one_scrolls_up_and_again_from_the_end_on(place: Place) -> None:
    async with opened(place) as log:
        assert log.screen()[-1].endswith("at last") and "following" in log.status
        log.run.log("rank_1", "one more")
        await until(log.pilot, lambda: log.screen()[-1].endswith("one more"))
        await log.press("up", until_true=lambda: "not following" in log.status)
        top = log.screen()[0]
        log.run.log("rank_1", "and another")
        await until(log.pilot, lambda: len(log.shown()) == 310)
        assert log.screen()[0] == top
        await log.press("f", until_true=lambda: log.screen()[-1].endswith("and another"))
        await log.press("f", until_true=lambda: "not following" in log.status)
        await log.press("G", until_true=lambda: log.lines.following)


async def test_g_goes_to_the_start_page_keys_and_mouse_move_on(place: Place) -> None:
    async with opened(place) as log:
        await log.press("g", until_true=lambda: "torchrun --standalone" in log.screen()[0])
        assert not log.lines.following
        await log.press("pagedown", until_true=lambda: log.lines.scroll_offset.y > 0)
        await log.press("G", until_true=lambda: log.screen()[-1].endswith("at last"))
        log.lines.scroll_relative(y=-50, animate=False)
        await until(log.pilot, lambda: not log.lines.following)
        await log.press("end", until_true=lambda: log.lines.following)


async def test_slash_searches_as_one_types_and_n_goes_from_match_to_match(place: Place) -> None:
    async with opened(place) as log:
        await log.press("g", "slash", *"loss 6", "enter", until_true=lambda: "1 of 42" in log.status)
        assert log.current() == "step 6 loss 6" and log.app.focused is log.lines
        await log.press("n", "n", until_true=lambda: "3 of 42" in log.status)
        assert log.current() == "step 20 loss 6"
        assert any("▸ step 20 loss 6" in line for line in log.screen())
        await log.press("N", "N", "N", until_true=lambda: "42 of 42" in log.status)
        await log.press("n", until_true=lambda: log.current() == "step 6 loss 6")
        await log.press("escape", until_true=lambda: "loss 6" not in log.status)


async def test_a_search_can_be_a_regular_expression_and_be_taken_back(place: Place) -> None:
    async with opened(place) as log:
        await log.press("slash", *"p 1.$", until_true=lambda: "0 found" in log.status)
        await log.press("ctrl+r", "backspace", *" l", until_true=lambda: "of 10" in log.status)
        await log.press("backspace", "backspace", "left_parenthesis")
        assert log.app.screen.query_one("SearchLine").has_class("invalid")
        await log.press("escape", until_true=lambda: "found" not in log.status and " of " not in log.status)
        assert log.app.focused is log.lines and not log.app.screen.query_one("SearchLine").display


async def test_what_is_typed_after_the_slash_is_searched_and_launches_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched: list[str] = []
    monkeypatch.setattr(B4RApp, "launch", lambda app, name: launched.append(name))
    async with opened(place) as log:
        for key in ("slash", *"ls/"):  # as in one burst: nobody waits between keys
            log.app.post_message(Key(key, None if len(key) > 1 else key))
        await until(log.pilot, lambda: log.app.screen.query_one("SearchLine Input", Input).value == "ls/")
        assert not launched


async def test_ampersand_shows_just_the_lines_that_match(place: Place) -> None:
    async with opened(place) as log:
        await log.press("ampersand", *r"loss [01]$", "enter", until_true=lambda: "86 of 308" in log.status)
        assert {line[-6:] for line in log.shown()} == {"loss 0", "loss 1"}
        log.run.log("rank_0", "another loss 1\nanother loss 2")
        await until(log.pilot, lambda: log.shown()[-1] == "another loss 1")
        await log.press("slash", *"step 29", "enter", until_true=lambda: "of 3" in log.status)
        await log.press("escape", "escape", until_true=lambda: len(log.shown()) == 310)


async def test_v_leaves_out_what_is_below_a_level_and_o_other_ranks(place: Place) -> None:
    async with opened(place) as log:
        await log.press("v", "v", until_true=lambda: "warning and up" in log.status)
        expected = ["ERROR: first", "WARNING: hm", *TRACEBACK.splitlines()]
        await until(log.pilot, lambda: log.shown() == expected)
        await log.press("v", "o", until_true=lambda: "launcher: 0 of 308" in log.status)
        await log.press("o", "o", until_true=lambda: "rank 1: 4 of 308" in log.status)
        await log.press("v", until_true=lambda: "rank 1: 7 of 308" in log.status)
        await log.press("o", until_true=lambda: log.lines.page.rows is None)


async def test_shift_e_goes_from_error_to_error_and_around(place: Place) -> None:
    async with opened(place) as log:
        await log.press("E", until_true=lambda: log.current() == "ERROR: first")
        await log.press("E", until_true=lambda: log.current().endswith("Traceback (most recent call last):"))
        await log.press("E", until_true=lambda: log.current() == "ERROR: first")
        assert any("▸ ERROR: first" in line for line in log.screen())


async def test_y_copies_the_line_that_was_clicked(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    monkeypatch.setattr(B4RApp, "copy_to_clipboard", lambda app, text: copied.append(text))
    async with opened(place) as log:
        row = next(y for y, line in enumerate(log.screen()) if line.endswith("at last"))
        await log.pilot.click(LogLines, offset=(30, row))
        await log.press("y", until_true=lambda: copied)
        assert copied == ["at last"]


async def test_z_gives_the_log_the_whole_screen(place: Place) -> None:
    async with opened(place) as log:
        before = log.lines.size.height
        await log.press("z", until_true=lambda: log.lines.size.height > before + 10)
        assert log.screen()[-1].endswith("at last")
        await log.press("z", until_true=lambda: log.lines.size.height == before)


async def test_long_lines_scroll_sideways_and_wide_characters_keep_their_cells(place: Place) -> None:
    async with opened(place) as log:
        log.run.log("rank_1", "評価🎬" * 40 + "end")
        await until(log.pilot, lambda: log.lines.virtual_size.width == 11 + 240 + 3)
        widths = [log.lines.render_line(y).cell_length for y in range(log.lines.size.height)]
        assert len(set(widths)) == 1
        assert "評価🎬評" in log.screen()[-1]
        log.lines.scroll_to(x=10_000, animate=False)
        await until(log.pilot, lambda: log.screen()[-1].endswith("🎬end"))
        await log.press("left", until_true=lambda: not log.screen()[-1].endswith("🎬end"))


async def test_a_log_written_anew_is_shown_anew_and_escapes_stay_away(place: Place) -> None:
    async with opened(place) as log:
        path: Path = log.run.run.log_path(0)
        path.write_text("\x1b]0;title\x07\x1b[2Jnew [bold]start\u202e\n")
        await until(log.pilot, lambda: "new [bold]start\N{REPLACEMENT CHARACTER}" in log.shown())
        assert len(log.shown()) == 1 + 1 + 7


async def test_another_run_shows_its_own_log_and_keeps_the_filter(place: Place) -> None:
    async with opened(place) as log:
        await log.press("v", "v", until_true=lambda: len(log.shown()) == 5)
        other = place.run("ml-1m-base", "20251009-120000-0001").started().failed("ValueError: no")
        await until(log.pilot, lambda: log.app.screen.query_one(RunRows).row_count == 2)
        log.app.screen.query_one(RunRows).focus()
        await log.press("up", until_true=lambda: log.shown() == ["ValueError: no"])
        assert other.run.run_id == "20251009-120000-0001"
