"""docs/app.md lists every key of the app's screens."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from textual.binding import Binding
from textual.dom import DOMNode

from b4r_tui.app.app import B4RApp
from b4r_tui.app.screens.compare.screen import CompareScreen
from b4r_tui.app.screens.help import left_out
from b4r_tui.app.screens.leaderboard import LeaderboardScreen
from b4r_tui.app.screens.main.screen import MainScreen
from b4r_tui.app.widgets.run.config_tab import ConfigTab
from b4r_tui.app.widgets.run.curves_tab import CurvesTab
from b4r_tui.app.widgets.runs.table import RunTable
from tests.conftest import ROOT
from tests.docs.pages import text_of

SYMBOLS = {
    "question_mark": "?",
    "slash": "/",
    "plus": "+",
    "minus": "-",
    "greater_than_sign": ">",
    "less_than_sign": "<",
    "right_curly_bracket": "}",
    "left_curly_bracket": "{",
    "right_square_bracket": "]",
    "left_square_bracket": "[",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "escape": "esc",
}
UNLISTED = {"shift+tab", "equals_sign"}  # as tab, backwards; plus without shift


def keys_of(screen: type[DOMNode]) -> Iterator[str]:
    """Yield the keys of a screen as the page writes them."""
    for binding in Binding.make_bindings(screen.BINDINGS):
        if (binding.key not in UNLISTED and not left_out(binding)) or binding.key in ("left", "right"):
            head, plus, last = binding.key.rpartition("+")
            yield head + plus + SYMBOLS.get(last, last)


@pytest.mark.parametrize(
    "screen", [B4RApp, MainScreen, RunTable, CurvesTab, ConfigTab, CompareScreen, LeaderboardScreen]
)
def test_every_key_is_listed(screen: type[DOMNode]) -> None:
    listed = set(re.findall(r"`([^`]+)`", text_of(ROOT / "docs" / "app.md")))
    keys = {key for key in keys_of(screen) if not (key.isdecimal() and key != "0")}
    assert keys - listed == set()


def test_keys_of_all_kinds_are_recognised() -> None:
    assert {"l", "z", "M", "<", "shift+↓", "+", "esc"} <= {
        key for screen in (MainScreen, RunTable, CurvesTab) for key in keys_of(screen)
    }
