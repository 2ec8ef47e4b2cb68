"""The colours and glyphs of run states, and the app's two themes.

Every state has a glyph and a word, so that colour is never the only cue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text
from textual.theme import Theme

if TYPE_CHECKING:
    from textual.app import App

    from b4r_tui.runs.state import RunState

GLYPHS = {"queued": "○", "running": "●", "finished": "✓", "failed": "✗", "stopped": "■", "lost": "?"}
NO_RUN_GLYPH = "·"


@dataclass(frozen=True)
class Palette:
    """Colours of text inside tables, where style sheets do not reach."""

    queued: str
    running: str
    finished: str
    failed: str
    stopped: str
    lost: str
    faint: str
    strong: str
    second: str

    def of(self, state: RunState) -> str:
        """The colour of a state."""
        colour: str = getattr(self, state.value)
        return colour

    def glyph(self, state: RunState) -> Text:
        """The sign of a state, such as ✓."""
        return Text(GLYPHS[state.value], self.of(state))

    def badge(self, state: RunState) -> Text:
        """The sign and the word of a state, such as `✓ finished`."""
        return Text(f"{GLYPHS[state.value]} {state.value}", self.of(state))


DARK = Palette(
    queued="#8b93a7",
    running="#56c2e6",
    finished="#7fc97f",
    failed="#f07178",
    stopped="#e6c25b",
    lost="#d08be0",
    faint="#9099ae",
    strong="#e4e8f1",
    second="#f0a35e",
)
LIGHT = Palette(
    queued="#646b7c",
    running="#00678f",
    finished="#2b7a2b",
    failed="#b3202c",
    stopped="#8a6100",
    lost="#8a3aa3",
    faint="#646b7c",
    strong="#1c2230",
    second="#a4500a",
)

DARK_THEME = Theme(
    name="b4r-dark",
    primary="#56c2e6",
    secondary="#8fa3d9",
    accent="#f0a35e",
    foreground="#d3d9e6",
    background="#12151c",
    surface="#171b24",
    panel="#222836",
    success=DARK.finished,
    warning=DARK.stopped,
    error=DARK.failed,
    variables={
        "border": "#56c2e6",
        "border-blurred": "#343c4f",
        "block-cursor-background": "#22475d",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#242b39",
        "block-cursor-blurred-foreground": "#d3d9e6",
        "button-focus-text-style": "bold underline",
        "footer-key-foreground": "#f0a35e",
        "footer-background": "#1b202b",
    },
)
LIGHT_THEME = Theme(
    name="b4r-light",
    primary="#00678f",
    secondary="#44589c",
    accent="#a4500a",
    foreground="#1c2230",
    background="#eef0f4",
    surface="#f8f9fb",
    panel="#dfe3eb",
    success=LIGHT.finished,
    warning=LIGHT.stopped,
    error=LIGHT.failed,
    dark=False,
    variables={
        "border": "#00678f",
        "border-blurred": "#bcc3d1",
        "block-cursor-background": "#b5d9e9",
        "block-cursor-foreground": "#0c1220",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#dfe5ee",
        "block-cursor-blurred-foreground": "#1c2230",
        "button-focus-text-style": "bold underline",
        "footer-key-foreground": "#a4500a",
        "footer-background": "#dfe3eb",
    },
)


def palette_of(app: App[object]) -> Palette:
    """The palette that fits the app's theme."""
    return DARK if app.current_theme.dark else LIGHT
