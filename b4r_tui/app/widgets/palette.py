"""The colours and glyphs of run states, and of lines in plots, for each theme.

Every state has a glyph and a word, so that colour is never the only cue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from textual.app import App

    from b4r_tui.runs.state import RunState

GLYPHS = {"queued": "○", "running": "●", "finished": "✓", "failed": "✗", "stopped": "■", "lost": "?"}
NO_RUN_GLYPH = "·"


@dataclass(frozen=True)
class Palette:
    """Colours of text in tables, which style sheets cannot reach. lines: of curves drawn together, in order."""

    queued: str
    running: str
    finished: str
    failed: str
    stopped: str
    lost: str
    faint: str
    strong: str
    second: str
    lines: tuple[str, ...]

    def of(self, state: RunState) -> str:
        """Return the colour of a state."""
        colour: str = getattr(self, state.value)
        return colour

    def glyph(self, state: RunState) -> Text:
        """Return the glyph of a state, such as ✓."""
        return Text(GLYPHS[state.value], self.of(state))

    def badge(self, state: RunState) -> Text:
        """Return the glyph and the word of a state, such as `✓ finished`."""
        return Text(f"{GLYPHS[state.value]} {state.value}", self.of(state))


DARK = Palette(
    queued="#9aa0b2",
    running="#56c2e6",
    finished="#7fc97f",
    failed="#f17d83",
    stopped="#e6c25b",
    lost="#d08be0",
    faint="#97a0b3",
    strong="#e4e8f1",
    second="#f0a35e",
    lines=("#56c2e6", "#f0a35e", "#d08be0", "#7fc97f", "#f07178", "#e6c25b", "#8fa3d9", "#b0b7c6"),
)
LIGHT = Palette(
    queued="#5c6272",
    running="#00678f",
    finished="#287128",
    failed="#b3202c",
    stopped="#825c00",
    lost="#8a3aa3",
    faint="#5c6272",
    strong="#1c2230",
    second="#9d4c0a",
    lines=("#00678f", "#a4500a", "#8a3aa3", "#2b7a2b", "#b3202c", "#8a6100", "#44589c", "#646b7c"),
)

# a contrast of at least 7 : 1 on black
CONTRAST = Palette(
    queued="#d0d0d0",
    running="#5fd7ff",
    finished="#5fff5f",
    failed="#ffa7a7",
    stopped="#ffff00",
    lost="#ff9fff",
    faint="#d0d0d0",
    strong="#ffffff",
    second="#ffc04d",
    lines=("#5fd7ff", "#ffc04d", "#ff9fff", "#5fff5f", "#ffffff", "#ffff00", "#ff9090", "#b0b0ff"),
)
# Okabe and Ito: Color Universal Design, 2008; on a light background the same hues, darker
COLOUR_BLIND = Palette(
    queued="#9aa3b5",
    running="#56b4e9",
    finished="#00b685",
    failed="#f58029",
    stopped="#f0e442",
    lost="#d28ab2",
    faint="#9aa3b5",
    strong="#e4e8f1",
    second="#e69f00",
    lines=("#56b4e9", "#e69f00", "#00b383", "#cc79a7", "#f0e442", "#e8690b", "#4d8fd1", "#d3d9e6"),
)
COLOUR_BLIND_LIGHT = Palette(
    queued="#5c6271",
    running="#0067a0",
    finished="#007052",
    failed="#a34800",
    stopped="#716200",
    lost="#94416f",
    faint="#5c6271",
    strong="#1c2230",
    second="#875700",
    lines=("#0069a3", "#8f5c00", "#007556", "#94416f", "#1c2230", "#ad4c00", "#2f7fc0", "#5f6675"),
)
PALETTES = {
    "b4r-dark": DARK,
    "b4r-light": LIGHT,
    "b4r-high-contrast": CONTRAST,
    "b4r-colour-blind": COLOUR_BLIND,
    "b4r-colour-blind-light": COLOUR_BLIND_LIGHT,
}


def palette_of(app: App[object]) -> Palette:
    """Return the palette that fits the app's theme, which may be one of Textual's own."""
    theme = app.current_theme
    return PALETTES.get(theme.name, DARK if theme.dark else LIGHT)
